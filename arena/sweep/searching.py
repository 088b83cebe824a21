"""Which points of a sweep are played, and in what order."""

from collections.abc import Callable, Iterator


def every(count: int) -> Iterator[int]:
    """Yield all places, the easiest first."""
    yield from range(count)


def bisecting(count: int, drops: Callable[[int], bool]) -> Iterator[int]:
    """Yield the places to play until the first drop lies between neighbours.

    Both ends first, then halves between the last place known to be without a drop and the first with one.
    Places are sorted by difficulty; `drops` is only asked of places that were yielded before, and is taken
    not to become False again behind a True.
    """
    if count == 0:
        return
    without, dropped = 0, count - 1
    yield without
    if dropped == without:
        return
    yield dropped
    if drops(without) or not drops(dropped):
        return
    while dropped - without > 1:
        middle = (without + dropped) // 2
        yield middle
        if drops(middle):
            dropped = middle
        else:
            without = middle
