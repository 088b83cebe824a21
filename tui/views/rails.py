"""A directed graph as rails, one line a node: what comes first stands above, edges run down beside it.

So a node's words, however long, stand on its line, as in `git log --graph`. (phart and termaid, which lay out
graphs for terminals, put words into boxes: a sentence a node is wider than any pane.)
"""

from collections.abc import Collection, Iterable, Sequence

Edge = tuple[int, int]


def rails(count: int, edges: Iterable[Edge]) -> tuple[list[tuple[str, int | None]], list[Edge]]:
    """Return the lines (rails, and the node (from 0) at their end or None), and the edges that are not drawn.

    Edges from or to no node (of `count`), to the node itself, or back up where nodes wait for each other in a
    circle can't be drawn downwards: they are returned apart.
    """
    known = list(dict.fromkeys(edges))
    drawable = [
        (tail, head) for tail, head in known if 0 <= tail < count and 0 <= head < count and tail != head
    ]
    order = _order(count, drawable)
    place = {node: at for at, node in enumerate(order)}
    down = [(tail, head) for tail, head in drawable if place[tail] < place[head]]
    kept = set(down)
    after: dict[int, list[int]] = {node: [] for node in order}
    for tail, head in sorted(down, key=lambda edge: place[edge[1]]):
        after[tail].append(head)
    return _drawn(order, after), [edge for edge in known if edge not in kept]


def _order(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return nodes so that each comes after those before it; in a circle, the lowest number first."""
    before: dict[int, set[int]] = {node: set() for node in range(count)}
    for tail, head in edges:
        before[head].add(tail)
    order: list[int] = []
    waiting = list(range(count))
    while waiting:
        node = next((each for each in waiting if not before[each]), waiting[0])
        waiting.remove(node)
        order.append(node)
        for each in waiting:
            before[each].discard(node)
    return order


def _drawn(order: Sequence[int], after: dict[int, list[int]]) -> list[tuple[str, int | None]]:
    lanes: list[int | None] = []  # the node that each rail leads to
    lines: list[tuple[str, int | None]] = []
    for node in order:
        arriving = [lane for lane, head in enumerate(lanes) if head == node]
        own = arriving[0] if arriving else _free(lanes, 0)
        if not arriving and lines and lines[-1][0][2 * own : 2 * own + 1].strip():
            lines.append((_straight(lanes, None), None))  # else it would seem to follow what ends above it
        if len(arriving) > 1:
            lines.append((_crossing(lanes, own, arriving[1:], "╯", "┴"), None))
            for lane in arriving[1:]:
                lanes[lane] = None
        lanes[own] = node
        lines.append((_straight(lanes, own), node))
        heads = after[node]
        lanes[own] = heads[0] if heads else None
        new = []
        for head in heads[1:]:
            lane = _free(lanes, own + 1)
            lanes[lane] = head
            new.append(lane)
        if new:
            lines.append((_crossing(lanes, own, new, "╮", "┬"), None))
        while lanes and lanes[-1] is None:
            lanes.pop()
    return lines


def _free(lanes: list[int | None], start: int) -> int:
    for lane in range(start, len(lanes)):
        if lanes[lane] is None:
            return lane
    lanes.extend([None] * (max(start, len(lanes)) + 1 - len(lanes)))
    return len(lanes) - 1


def _straight(lanes: Sequence[int | None], own: int | None) -> str:
    cells = ("│" if head is not None else " " for head in lanes)
    return " ".join("●" if lane == own else cell for lane, cell in enumerate(cells)).rstrip()


def _crossing(lanes: Sequence[int | None], own: int, others: Collection[int], last: str, middle: str) -> str:
    end = max(others)
    cells = []
    for lane, head in enumerate(lanes):
        if lane == own:
            cell = "├"
        elif lane == end:
            cell = last
        elif lane in others:
            cell = middle
        elif own < lane < end:
            cell = "┼" if head is not None else "─"
        else:
            cell = "│" if head is not None else " "
        cells.append(cell + ("─" if own <= lane < end else " "))
    return "".join(cells).rstrip()
