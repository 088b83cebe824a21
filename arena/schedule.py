"""In which order episodes are played. All contestants play in the same one, so that pairs come together."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from arena.expected import expected
from arena.records import EpisodeKey
from envs.base import Task

FIRST_BLOCK = 16
"""How many tasks all contestants play before any goes on, where a decision is waited for; then it doubles."""


def longest_first(keys: Sequence[EpisodeKey], tasks: Mapping[str, Task]) -> list[EpisodeKey]:
    """Return the episodes, those first that are expected to take most tokens: none is left alone at the end.

    `tasks` is by hash. Episodes that are expected to take the same keep their order.
    """
    size = {each: expected(task).tokens for each, task in tasks.items()}
    return sorted(keys, key=lambda key: -size[key.task_hash])


def shuffled_tasks(keys: Sequence[EpisodeKey], order: Sequence[str]) -> list[EpisodeKey]:
    """Return the episodes in the order of their tasks' hashes, all repeats of a task together."""
    place = {task_hash: index for index, task_hash in enumerate(order)}
    return sorted(keys, key=lambda key: (place[key.task_hash], key.repeat))


def blocks(keys: Sequence[EpisodeKey]) -> Iterator[list[EpisodeKey]]:
    """Yield the episodes in blocks of whole tasks, 16 tasks at first, each block as many as all before it."""
    order = dict.fromkeys(key.task_hash for key in keys)
    block_of = {each: (index // FIRST_BLOCK).bit_length() for index, each in enumerate(order)}
    found: dict[int, list[EpisodeKey]] = defaultdict(list)
    for key in keys:
        found[block_of[key.task_hash]].append(key)
    for index in sorted(found):
        yield found[index]


class Waiting:
    """The episodes that a contestant has yet to begin.

    They are taken in order; but one whose benchmark has all its environments lent is passed over, so that a
    benchmark with few environments (a JVM each) doesn't hold up the others.
    """

    def __init__(self, keys: Sequence[EpisodeKey], has_place: Callable[[str], bool]) -> None:
        self._has_place = has_place
        self._queues: dict[str, deque[tuple[int, EpisodeKey]]] = defaultdict(deque)
        for rank, key in enumerate(keys):
            self._queues[_benchmark(key)].append((rank, key))

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def take(self) -> EpisodeKey:
        """Return the next episode. Raises `ValueError` where none is left."""
        heads = {name: queue[0][0] for name, queue in self._queues.items() if queue}
        ready = [name for name in heads if self._has_place(name)]
        return self._queues[min(ready or heads, key=heads.__getitem__)].popleft()[1]

    def put_back(self, key: EpisodeKey) -> None:
        """Let an episode be taken again, before all others of its benchmark."""
        self._queues[_benchmark(key)].appendleft((-1, key))


def _benchmark(key: EpisodeKey) -> str:
    return key.task.partition("/")[0]
