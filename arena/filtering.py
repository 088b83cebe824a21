"""The filter language: which episodes and turns of a run are meant. One language on screen and in commands.

    contestant:awq fail:not_json,truncated turn>5 base:success -task:gripper "put down"

A filter is a list of terms, and all must hold. `key:value` compares names by containing them
(`task:gripper`), `key=value` exactly, and words always exactly (`outcome:success`); commas mean *or*;
numbers also compare by `>`, `>=`, `<`, `<=`. A word without a key is looked for in what was observed,
replied and acted. A leading `-` turns a term round.

A filter becomes a condition of SQL with parameters, so that a million turns are searched where they are.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from arena.engines.options import nearest
from arena.errors import UsageError
from arena.protocol.base import FailureKind

About = Literal["episode", "turn"]

OUTCOMES = ("success", "failure", "error", "running")
_OUTCOME_SQL = {
    "success": "{e}.status = 'done' AND {e}.success = 1",
    "failure": "{e}.status = 'done' AND {e}.success = 0",
    "error": "{e}.status = 'error'",
    "running": "{e}.status = 'running'",
}
_TERM = re.compile(
    r"""(?P<not>-)?(?:(?P<key>[a-z_]+)(?P<op>:|>=|<=|>|<|=))?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))""",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?%?$")


@dataclass(frozen=True)
class Where:
    """A condition on `turn t JOIN episode e` (or on `episode e` alone), with its parameters in order."""

    sql: str
    parameters: tuple[str | float, ...] = ()


@dataclass(frozen=True)
class Term:
    """One condition: about an episode or a turn, as SQL. `texts` are what it looks for in a turn's texts."""

    about: About
    where: Where
    negated: bool = False
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filter:
    """A parsed filter; `text` is what was typed. An empty one lets everything through."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What is looked for in the turns' texts, to be marked where they are shown."""
        return tuple(text for term in self.terms if not term.negated for text in term.texts)

    def turns_where(self) -> Where:
        """Return the condition on turns: rows of `turn t JOIN episode e ON e.id = t.episode_id`."""
        return _all_of(_signed(term) for term in self.terms)

    def episodes_where(self) -> Where:
        """Return the condition on episodes, rows of `episode e`.

        What is said of turns must hold together in one turn of the episode; what is denied of turns, in none.
        """
        about_episode = [_signed(term) for term in self.terms if term.about == "episode"]
        about_turns = [term for term in self.terms if term.about == "turn"]
        together = [term.where for term in about_turns if not term.negated]
        if together:
            about_episode.append(_some_turn(_all_of(together)))
        for term in about_turns:
            if term.negated:
                some = _some_turn(term.where)
                about_episode.append(Where(f"NOT {some.sql}", some.parameters))
        return _all_of(about_episode)

    def among(self, contestants: Sequence[str]) -> "Filter":
        """Return this filter of the episodes and turns of some contestants alone, by their exact names."""
        names = Where(f"e.contestant IN ({', '.join('?' * len(contestants))})", tuple(contestants))
        return replace(self, terms=(*self.terms, Term("episode", names)))


def parse(text: str, baseline: str) -> Filter:
    """Read a filter; `baseline` is the contestant that `base:` speaks of.

    Raises `UsageError` that names the term which can't be read, with the nearest key or the known values.
    """
    terms: list[Term] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TERM.match(text, position)
        if match is None:
            raise UsageError(f"filter: {text[position:]!r} can't be read", 'a quoted text ends with "')
        terms.append(_term(match, baseline))
        position = match.end()
    return Filter(text, tuple(terms))


def key_help() -> Mapping[str, str]:
    """Return each key of the language with what it takes, in words."""
    return {name: key.help for name, key in _KEYS.items()}


def _term(match: re.Match[str], baseline: str) -> Term:
    name, operator = match["key"], match["op"]
    value = match["quoted"] if match["quoted"] is not None else match["plain"]
    negated = match["not"] is not None
    if name is None:
        return Term("turn", _contains(_TEXT_COLUMNS, (value,)), negated, (value,))
    key = _KEYS.get(name.lower())
    if key is None:
        raise UsageError(f"filter: there is no key {name!r}", nearest(name, _KEYS, "keys"))
    values = (value,) if match["quoted"] is not None else tuple(part for part in value.split(",") if part)
    if not values:
        raise UsageError(f"filter: {match[0]!r} has no value", key.help)
    try:
        texts = values if key.is_text else ()
        return Term(key.about, key.read(operator, values, baseline), negated, texts)
    except _Unknown as problem:
        raise UsageError(f"filter: {match[0]!r} {problem}", problem.hint) from None
    except ValueError as problem:
        raise UsageError(f"filter: {match[0]!r} {problem}", f"{name} takes {key.help}") from None


class _Unknown(ValueError):
    """A value that is none of a few; `hint` names them."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


Reader = Callable[[str, Sequence[str], str], Where]


@dataclass(frozen=True)
class _Key:
    about: About
    help: str
    read: Reader
    is_text: bool = False


def _name(column: str) -> Reader:
    def read(operator: str, values: Sequence[str], baseline: str) -> Where:
        _only_equal(operator)
        if operator == "=":
            return _any_of([Where(f"{column} = ?", (value,)) for value in values])
        return _contains((column,), values)

    return read


def _benchmark(operator: str, values: Sequence[str], baseline: str) -> Where:
    _only_equal(operator)
    return _any_of([Where("e.task LIKE ? ESCAPE '\\'", (_literal(value) + "/%",)) for value in values])


def _number(column: str, *, percent: bool = False) -> Reader:
    def read(operator: str, values: Sequence[str], baseline: str) -> Where:
        comparison = "=" if operator == ":" else operator
        return _any_of(
            [Where(f"{column} {comparison} ?", (_number_of(value, percent=percent),)) for value in values]
        )

    return read


def _number_of(text: str, *, percent: bool) -> float:
    if not _NUMBER.match(text) or (text.endswith("%") and not percent):
        raise ValueError("compares with something that is no number")
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def _failure(operator: str, values: Sequence[str], baseline: str) -> Where:
    _only_equal(operator)
    return _any_of([_failure_is(value.lower()) for value in values])


def _failure_is(value: str) -> Where:
    if value == "any":
        return Where("t.failure_kind IS NOT NULL")
    if value == "none":
        return Where("t.failure_kind IS NULL")
    return Where("t.failure_kind IS ?", (FailureKind(_known(value, [*FailureKind, "any", "none"])),))


def _outcome(operator: str, values: Sequence[str], baseline: str) -> Where:
    _only_equal(operator)
    return _any_of([Where(_outcome_sql(value, "e")) for value in values])


def _base(operator: str, values: Sequence[str], baseline: str) -> Where:
    _only_equal(operator)
    return _any_of(
        [
            Where(
                "EXISTS (SELECT 1 FROM episode b WHERE b.contestant = ? AND b.task_hash = e.task_hash"  # noqa: S608
                " AND b.seed = e.seed AND b.repeat = e.repeat AND b.status != 'superseded'"
                f" AND {_outcome_sql(value, 'b')})",
                (baseline,),
            )
            for value in values
        ]
    )


def _outcome_sql(value: str, table: str) -> str:
    return _OUTCOME_SQL[_known(value.lower(), OUTCOMES)].format(e=table)


def _valid(operator: str, values: Sequence[str], baseline: str) -> Where:
    _only_equal(operator)
    return _any_of(
        [Where(f"t.valid = {int(_known(value.lower(), ('yes', 'no')) == 'yes')}") for value in values]
    )


_KEYS: Mapping[str, _Key] = {
    "contestant": _Key("episode", "a part of a contestant's name", _name("e.contestant")),
    "task": _Key("episode", "a part of a task's id", _name("e.task")),
    "benchmark": _Key("episode", "a benchmark", _benchmark),
    "outcome": _Key("episode", f"{', '.join(OUTCOMES)}: how the episode ended", _outcome),
    "base": _Key("episode", f"{', '.join(OUTCOMES)}: the baseline's end on the same task", _base),
    "progress": _Key("episode", "a number or percentage", _number("e.progress", percent=True)),
    "turns": _Key("episode", "a number: how many turns the episode took", _number("e.turns")),
    "repeat": _Key("episode", "a number, from 0", _number("e.repeat")),
    "fail": _Key("turn", "any, none, or a kind of failure such as not_json", _failure),
    "valid": _Key("turn", "yes or no: did the action take effect", _valid),
    "turn": _Key("turn", "a number, from 1", _number("(t.idx + 1)")),
    "tokens": _Key("turn", "a number: tokens of the reply", _number("t.completion_tokens")),
    "reply": _Key("turn", "a text in the reply", _name("t.reply"), is_text=True),
    "action": _Key("turn", "a text in the action", _name("t.action"), is_text=True),
}  # fmt: skip
_TEXT_COLUMNS = ("t.reply", "t.action", "t.outcome")


def _only_equal(operator: str) -> None:
    if operator not in (":", "="):
        raise ValueError(f"can't be compared by {operator}")


def _known(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise _Unknown(f"has the unknown value {value!r}", nearest(value, known, "known are"))
    return value


def _contains(columns: Sequence[str], values: Sequence[str]) -> Where:
    return _any_of(
        [
            Where(f"{column} LIKE ? ESCAPE '\\'", (f"%{_literal(value)}%",))
            for value in values
            for column in columns
        ]
    )


def _literal(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value)


def _some_turn(where: Where) -> Where:
    return Where(
        f"EXISTS (SELECT 1 FROM turn t WHERE t.episode_id = e.id AND {where.sql})",  # noqa: S608
        where.parameters,
    )


def _signed(term: Term) -> Where:
    # COALESCE: where a column is NULL (no action), neither it nor its denial would hold
    return Where(f"NOT COALESCE({term.where.sql}, 0)", term.where.parameters) if term.negated else term.where


def _any_of(parts: Sequence[Where]) -> Where:
    return _joined(parts, " OR ")


def _all_of(parts: Iterable[Where]) -> Where:
    listed = list(parts)
    return _joined(listed, " AND ") if listed else Where("1")


def _joined(parts: Sequence[Where], word: str) -> Where:
    return Where(
        "(" + word.join(f"({part.sql})" for part in parts) + ")",
        tuple(value for part in parts for value in part.parameters),
    )
