"""The failed turns of a run: counted by kind beside the baseline's, and listed page by page.

A turn failed where its reply (or its environment) did by the taxonomy of `protocol.base.FailureKind`, or
where its action was read and the environment refused it (`REFUSED`). All of it is SQL: nothing of a run is
held in memory, and a page costs the same wherever it is.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arena.engines.options import nearest
from arena.errors import UsageError
from arena.filtering import About, Filter, Where
from arena.protocol.base import Failure, FailureKind
from arena.store.rows import failure_from_row

REFUSED = "refused"
"""Kind of a turn whose action was read and had no effect: no failure of the reply, but of the choice."""

KINDS: Sequence[str] = (*FailureKind, REFUSED)
PAGE_TURNS = 100
_TURN_NAME = re.compile(r"(?P<task>.+)#(?P<number>[0-9]{1,9})(?:@(?P<repeat>[0-9]{1,9}))?")
EXCERPT_CHARS = 300


@dataclass(frozen=True)
class FailedTurn:
    """One failed turn, as a list shows it. `turn` counts from 0; `reply` is its first `EXCERPT_CHARS`."""

    episode_id: int
    contestant: str
    task: str
    task_hash: str
    seed: int
    repeat: int
    turn: int
    kind: str
    failure: Failure | None
    reply: str
    action: str | None

    @property
    def benchmark(self) -> str:
        """Name of the benchmark."""
        return self.task.partition("/")[0]

    @property
    def name(self) -> str:
        """How the turn is named in commands: `TASK#N`, from 1, with `@REPEAT` where that is not 0."""
        return turn_name(self.task, self.turn, self.repeat)


@dataclass(frozen=True)
class Group:
    """Failed turns of one kind, contestant and benchmark, with the baseline's on the same tasks.

    `count` of the contestant's `turns` failed so, in `episodes` episodes. Of those, `paired_count` of
    `paired_turns` lie in episodes that the baseline has played too, where `baseline_count` of its
    `baseline_turns` failed so.
    """

    contestant: str
    benchmark: str
    kind: str
    count: int
    episodes: int
    turns: int
    paired_count: int
    paired_turns: int
    baseline_count: int
    baseline_turns: int


def turn_name(task: str, turn: int, repeat: int = 0) -> str:
    """Return how a turn is named in commands: `TASK#N`, N from 1, with `@REPEAT` where that is not 0."""
    return f"{task}#{turn + 1}" + (f"@{repeat}" if repeat else "")


def read_turn_name(text: str) -> tuple[str, int, int]:
    """Return task, turn (from 0) and repeat of a turn as `turn_name` names it. Raises `UsageError`."""
    match = _TURN_NAME.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} names no turn", "write TASK#N, such as pddl/gripper/0#3 (N from 1)")
    return match["task"], int(match["number"]) - 1, int(match["repeat"] or 0)


def groups(db: sqlite3.Connection, baseline: str, chosen: Filter, kinds: Sequence[str] = ()) -> list[Group]:
    """Return the failed turns that a filter lets through, counted; most frequent first in each contestant.

    What the filter says of episodes chooses the contestant's, with which the baseline's are paired; what it
    says of turns holds for both. Raises `UsageError` for unknown kinds.
    """
    about_episodes = only_about(chosen, "episode").turns_where()
    about_turns = only_about(chosen, "turn").turns_where()
    own_failed, their_failed = _failed(kinds, "e"), _failed(kinds, "b")
    parameters = (*own_failed.parameters, *about_episodes.parameters, *about_turns.parameters)
    own = {
        (contestant, benchmark, kind): (count, episodes, paired)
        for contestant, benchmark, kind, count, episodes, paired in db.execute(
            _OWN.format(failed=own_failed.sql, episodes=about_episodes.sql, turns=about_turns.sql),
            (baseline, *parameters),
        )
    }
    theirs = {
        (contestant, benchmark, kind): count
        for contestant, benchmark, kind, count in db.execute(
            _THEIRS.format(failed=their_failed.sql, episodes=about_episodes.sql, turns=about_turns.sql),
            (baseline, *parameters),
        )
    }
    sizes = {
        (contestant, benchmark): (turns, paired, of_baseline)
        for contestant, benchmark, turns, paired, of_baseline in db.execute(
            _SIZES.format(episodes=about_episodes.sql), (baseline, *about_episodes.parameters)
        )
    }
    found = []
    for contestant, benchmark, kind in own.keys() | theirs.keys():
        count, episodes, paired = own.get((contestant, benchmark, kind), (0, 0, 0))
        turns, paired_turns, baseline_turns = sizes[contestant, benchmark]
        baseline_count = theirs.get((contestant, benchmark, kind), 0)
        found.append(
            Group(
                *(contestant, benchmark, kind, count, episodes, turns),
                *(paired, paired_turns, baseline_count, baseline_turns),
            )
        )
    names = [name for (name,) in db.execute("SELECT contestant FROM episode GROUP BY 1 ORDER BY MIN(id)")]
    return sorted(found, key=lambda g: (names.index(g.contestant), -g.count, g.benchmark, g.kind))


def worst_first(found: Sequence[Group], baseline: str) -> tuple[list[Group], list[str]]:
    """Return groups in the order of their contestants' extra failures over the baseline, whose own come last.

    Within a contestant those that are most over the baseline's come first. Contestants whose groups are all
    as large as the baseline's are left out, and named beside.
    """
    extra: Counter[str] = Counter()
    for group in found:
        extra[group.contestant] += 0 if group.contestant == baseline else _extra(group)
    unlike = {
        baseline,
        *(each.contestant for each in found if _extra(each) or each.count != each.paired_count),
    }
    names = list(dict.fromkeys(group.contestant for group in found))
    order = sorted(unlike & set(names), key=lambda name: (name == baseline, -extra[name], names.index(name)))
    ordered = sorted(
        (group for group in found if group.contestant in unlike),
        key=lambda group: (order.index(group.contestant), -_extra(group), -group.count),
    )
    return ordered, [name for name in names if name not in unlike]


def examples_due(ordered: Sequence[Group], of_each: int) -> list[tuple[str, str]]:
    """Return of which contestants and kinds examples tell most: the first of each contestant, in order."""
    due: dict[str, dict[str, None]] = {}
    for group in ordered:
        of_contestant = due.setdefault(group.contestant, {})
        if group.count and len(of_contestant) < of_each:
            of_contestant[group.kind] = None
    return [(name, kind) for name, names in due.items() for kind in names]


def _extra(group: Group) -> int:
    return group.paired_count - group.baseline_count


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise `UsageError` where a name is no kind of failure."""
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"there is no kind of failure {kind!r}", nearest(kind, KINDS, "kinds"))


def only_about(chosen: Filter, what: About) -> Filter:
    """Return the part of a filter that is about episodes, or about turns."""
    return Filter("", tuple(term for term in chosen.terms if term.about == what))


def failed_turns(
    db: sqlite3.Connection,
    chosen: Filter,
    *,
    contestant: str | None = None,
    benchmark: str | None = None,
    kinds: Sequence[str] = (),
    after: tuple[int, int] | None = None,
    earliest_first: bool = False,
    limit: int = PAGE_TURNS,
) -> list[FailedTurn]:
    """Return the next failed turns that a filter lets through, in recorded order.

    `kinds` are those wanted (all where none is named); `after` is the (episode id, turn) of the last one of
    the page before. `earliest_first` puts those first that come earliest in their episodes; its pages can't
    be turned. Raises `UsageError` for unknown kinds.
    """
    where, failed = chosen.turns_where(), _failed(kinds, "e")
    sql, parameters = "", []  # type: str, list[str | int]
    if contestant is not None:
        sql, parameters = sql + " AND e.contestant = ?", [*parameters, contestant]
    if benchmark is not None:
        sql, parameters = sql + " AND e.task LIKE ? ESCAPE '\\'", [*parameters, _beginning(benchmark)]
    if after is not None:
        sql, parameters = sql + " AND (t.episode_id, t.idx) > (?, ?)", [*parameters, *after]
    rows = db.execute(
        f"SELECT t.episode_id, e.contestant, e.task, e.task_hash, e.seed, e.repeat, t.idx,"  # noqa: S608
        f" {_KIND} AS kind, t.failure, substr(t.reply, 1, {EXCERPT_CHARS}) AS reply, t.action"
        " FROM turn t JOIN episode e ON e.id = t.episode_id"
        f" WHERE e.status != 'superseded' AND {failed.sql} AND {where.sql}{sql}"
        f" ORDER BY {'t.idx, ' if earliest_first else ''}t.episode_id, t.idx LIMIT ?",
        (*failed.parameters, *where.parameters, *parameters, limit),
    )
    return [_failed_turn(row) for row in rows]


def all_failed_turns(
    db: sqlite3.Connection,
    chosen: Filter,
    *,
    contestant: str | None = None,
    benchmark: str | None = None,
    kinds: Sequence[str] = (),
) -> Iterator[FailedTurn]:
    """Yield every failed turn that `failed_turns` lists, page by page."""
    after = None
    while True:
        page = failed_turns(
            db, chosen, contestant=contestant, benchmark=benchmark, kinds=kinds, after=after, limit=1000
        )
        yield from page
        if len(page) < 1000:
            return
        after = page[-1].episode_id, page[-1].turn


_KIND = f"COALESCE(t.failure_kind, '{REFUSED}')"
_BENCHMARK = "substr(e.task, 1, instr(e.task || '/', '/') - 1)"
_PAIR = (
    "b.contestant = ? AND b.contestant != e.contestant AND b.task_hash = e.task_hash AND b.seed = e.seed"
    " AND b.repeat = e.repeat AND b.status != 'superseded'"
)
_OWN = (
    f"SELECT e.contestant, {_BENCHMARK}, {_KIND}, COUNT(*), COUNT(DISTINCT e.id), COUNT(b.id)"  # noqa: S608
    f" FROM turn t JOIN episode e ON e.id = t.episode_id LEFT JOIN episode b ON {_PAIR}"
    " WHERE e.status != 'superseded' AND {failed} AND {episodes} AND {turns} GROUP BY 1, 2, 3"
)
_THEIRS = (
    f"SELECT e.contestant, {_BENCHMARK}, {_KIND}, COUNT(*)"  # noqa: S608
    f" FROM episode e JOIN episode b ON {_PAIR} JOIN turn t ON t.episode_id = b.id"
    " WHERE e.status != 'superseded' AND {failed} AND {episodes} AND {turns} GROUP BY 1, 2, 3"
)
_SIZES = (
    f"SELECT e.contestant, {_BENCHMARK}, SUM(e.turns), SUM(CASE WHEN b.id THEN e.turns ELSE 0 END),"  # noqa: S608
    f" COALESCE(SUM(b.turns), 0) FROM episode e LEFT JOIN episode b ON {_PAIR}"
    " WHERE e.status != 'superseded' AND {episodes} GROUP BY 1, 2"
)


def _failed(kinds: Sequence[str], episode: str) -> Where:
    """Return the condition that a turn `t` of an episode failed, in one of these ways where any is named."""
    check_kinds(kinds)
    named = tuple(kind for kind in kinds if kind != REFUSED)
    parts = [f"t.failure_kind IN ({', '.join('?' * len(named))})"] if named else []
    if not kinds:
        parts.append("t.failure_kind IS NOT NULL")
    if not kinds or REFUSED in kinds:
        # where a log doesn't tell whether actions took effect, none counts as refused
        parts.append(
            "(t.valid = 0 AND t.failure_kind IS NULL AND instr(COALESCE(json_extract("
            f"{episode}.provenance, '$.absent'), ''), '\"grounding\"') = 0)"
        )
    return Where("(" + " OR ".join(parts) + ")", named)


def _beginning(benchmark: str) -> str:
    plain = benchmark.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{plain}/%"


def _failed_turn(row: sqlite3.Row) -> FailedTurn:
    return FailedTurn(
        episode_id=row["episode_id"],
        contestant=row["contestant"],
        task=row["task"],
        task_hash=row["task_hash"],
        seed=row["seed"],
        repeat=row["repeat"],
        turn=row["idx"],
        kind=row["kind"],
        failure=failure_from_row(row),
        reply=row["reply"],
        action=row["action"],
    )
