"""A divergence as text for 80 columns and as JSON."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from arena.analyzing.tally import without_nan
from arena.divergence.findings import MOST_TRIED, Choice, Continuation, Token, TurnDivergence
from arena.divergence.tally import RunTally
from arena.protocol.quoting import excerpt

SIGNS = {"same": " ", "compression": "*", "numerics": "~", "sampling": "?", "respelt": "!"}
MARK = ">"
LEGEND = "> changes the action   * compression   ~ numerics   ? sampling   ! respelt"
TOKEN_COLUMNS = ("", ">#", "written", "part", "base", ">%", "compressed", ">%", ">ranks", ">KL")
BEST_COLUMNS = ("base", ">%", "compressed", ">%")
PART_COLUMNS = ("part", ">tokens", ">differ", ">%", ">numerics", ">KL", ">first", ">causes")
_TEXT_CHARS = 11
_MOST_ALIKE = 3
"""So many tokens in a row on which both agree are shown; more are counted."""
_ELLIPSIS = "…"


def token_rows(turn: TurnDivergence) -> Iterator[tuple[str, ...]]:
    """Yield a row a token; of many that both models agree on only the first and the last."""
    alike: list[Token] = []
    for token in turn.tokens:
        if not token.differs:
            alike.append(token)
            continue
        yield from _alike_rows(alike)
        alike = []
        yield _row(token, turn)
    yield from _alike_rows(alike)


def best_rows(token: Token) -> Iterator[tuple[str, ...]]:
    """Yield a row for each of the best tokens of both models, best first."""
    for base, other in zip(token.base, token.other, strict=True):
        yield (_text(base.text), _percent(base.probability), _text(other.text), _percent(other.probability))


def heading(turn: TurnDivergence) -> list[str]:
    """Return the lines above a turn's tokens: where it is from, what it says, what came of it."""
    place = f"{turn.key.task}, turn {turn.turn + 1}" + (
        f", repeat {turn.key.repeat + 1}" if turn.key.repeat else ""
    )
    lines = [f"{turn.key.contestant} beside {turn.baseline}: {place}", f"reply   {excerpt(turn.reply, 200)}"]
    if turn.failure:
        failure = turn.failure
        lines.append(
            f"failed  {failure.kind.value} at {failure.span[0]}:"
            f" expected {failure.expected}, got {failure.got}"
        )
    else:
        lines.append(f"action  {excerpt(turn.action or '', 200)}")
    return lines


def verdict(turn: TurnDivergence) -> list[str]:
    """Say in sentences which token changes the action, and how that is known."""
    differing = [token for token in turn.tokens if token.differs]
    lines = [_noise(turn)]
    if not differing and turn.parts_at_stop:
        return [
            f"{turn.baseline} would have written all of this reply that is recorded, and gone on otherwise:"
            " the stop string that ended it is not recorded",
            *lines,
        ]
    if not differing:
        return [f"{turn.baseline} would have written this very reply", *lines]
    if not turn.searched:
        return lines
    if turn.cause is None:
        left = len(differing) - MOST_TRIED
        which = f"any of the {len(differing)}" if left <= 0 else f"any of the first {MOST_TRIED}"
        untried = f"; the other {left} were not tried" if left > 0 else ""
        return [
            f"no token{' that was tried' if untried else ''} changes the action: going on from {which} that"
            f" differ, {turn.baseline} comes to the same{untried}",
            *lines,
        ]
    token, cause = turn.tokens[turn.cause.place], turn.cause
    written, instead = _text(token.text, 20), _text(token.base[0].text, 20)
    return [
        f"token {cause.place}, {written!r} ({token.part}), changes the action",
        *_whose(token),
        f"with {instead!r} in its place, {turn.baseline} goes on to {_outcome(cause.without)}",
        f"given {written!r}, it goes on to {_outcome(cause.after)}"
        + (": it comes back, so this token alone does not decide" if cause.comes_back else ""),
        *lines,
    ]


def measures(token: Token, k: int) -> str:
    """Return a line with the measures of one token."""
    tau = "-" if math.isnan(token.kendall) else f"{token.kendall:.2f}"
    return (
        f"Jaccard@{k} {token.jaccard:.2f}  Kendall {tau}  ΔE {token.energy_gap:.2f}"
        f"  entropy {token.base_entropy:.2f} / {token.entropy:.2f}  KL {token.kl:.3f}"
    )


def part_rows(found: RunTally) -> list[tuple[str, ...]]:
    """Return a row for each part of the replies."""
    return [
        (
            name,
            str(part.tokens),
            str(part.compression),
            _percent(part.compression / part.tokens),
            str(part.numerics),
            f"{part.kl:.3f}",
            str(part.first),
            str(part.caused) if found.searched else "-",
        )
        for name, part in found.parts.items()
    ]


def summary(found: RunTally) -> str:
    """Say in a sentence how often a contestant left its base."""
    text = (
        f"{found.contestant} beside {found.baseline}: {found.turns} turns, {found.apart} left the base,"
        f" {found.failed} failed"
    )
    if found.searched:
        text += (
            f"; in {found.caused} of {found.searched} a token changes the action, and from {found.came_back}"
            " of those the base comes back"
        )
    return text


def turn_document(turn: TurnDivergence) -> dict[str, Any]:
    """Return a turn as JSON-able data; places count from 0, turns from 1 as everywhere on screen."""
    document = asdict(turn)
    key = document.pop("key")
    document |= {name: key[name] for name in ("contestant", "task", "seed", "repeat")}
    document["turn"] = turn.turn + 1
    document["marked"] = turn.cause.place if turn.cause else None
    if turn.cause:
        document["cause"]["comes_back"] = turn.cause.comes_back
    finite: dict[str, Any] = without_nan(document)
    return finite


def tally_document(found: RunTally) -> dict[str, Any]:
    """Return a tally as JSON-able data."""
    return asdict(found)


def _alike_rows(tokens: Sequence[Token]) -> Iterator[tuple[str, ...]]:
    if len(tokens) <= _MOST_ALIKE:
        yield from (_row(token, None) for token in tokens)
        return
    yield _row(tokens[0], None)
    yield ("", "", f"{len(tokens) - 2} alike", *([""] * (len(TOKEN_COLUMNS) - 3)))
    yield _row(tokens[-1], None)


def _row(token: Token, turn: TurnDivergence | None) -> tuple[str, ...]:
    is_marked = turn is not None and turn.cause is not None and turn.cause.place == token.place
    return (
        MARK if is_marked else SIGNS[token.label],
        str(token.place),
        _text(token.text),
        token.part,
        *_choice(token.base[0]),
        *_choice(token.other[0]),
        f"{token.base_rank}/{token.other_rank}",
        f"{token.kl:.2f}",
    )


def _choice(choice: Choice) -> tuple[str, str]:
    return _text(choice.text), _percent(choice.probability)


def _text(text: str, limit: int = _TEXT_CHARS) -> str:
    """Return a token so that it can be seen: its spaces too, cut to `limit` characters."""
    shown = excerpt(text.replace(" ", "\N{OPEN BOX}"), 4 * limit)
    return shown if len(shown) <= limit else shown[: limit - 1] + _ELLIPSIS


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f}"


def _outcome(continuation: Continuation) -> str:
    if continuation.action is not None:
        return excerpt(continuation.action, 120)
    kind = continuation.failure.kind.value if continuation.failure else "nothing"
    return f"{kind}: {excerpt(continuation.reply, 100)}"


def _noise(turn: TurnDivergence) -> str:
    return f"noise: log-probabilities of the base differ by at most {turn.noise:.1e} {turn.control}"


def _whose(token: Token) -> list[str]:
    """Return whose doing the token to blame is, where it is not compression's, or can't be told."""
    if token.label == "respelt":
        return [
            "this token is none that the compressed model chose: the reply's text gives other tokens than it"
            " wrote, so what compression did there can't be told"
        ]
    return (
        [f"this token differs by {token.label}, not by compression"] if token.label != "compression" else []
    )
