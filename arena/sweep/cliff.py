"""Where it drops, in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.sweep.judging import Judged, Line
from arena.verdict import points

Kind = Literal["cliff", "none", "undecided", "no_base", "nothing"]

MEASURE_WORDS = {
    "progress": "progress rate",
    "success": "success rate",
    "valid_call_rate": "valid-call rate",
    "gain": "progress a turn",
}

_KEPT = ("no_loss", "better", "looks_better")


@dataclass(frozen=True)
class Cliff:
    """Where a line drops. `kept` is the last value without a loss, `dropped` the first with one."""

    kind: Kind
    text: str
    kept: str | None = None
    dropped: str | None = None


def find_cliff(line: Line, measure: str, direction: str) -> Cliff:
    """Say where a line drops first; `direction` is how one gets to harder values: `up to`, `down to`.

    A drop counts where it is proven against all values that were played (`arena.verdict`: worse).
    """
    judged = [each for each in line.judged if each.verdict is not None]
    if not judged:
        return Cliff("nothing", f"{line.name}: nothing can be compared yet")
    if all(each.verdict.kind == "no_base" for each in judged if each.verdict):
        return Cliff("no_base", judged[0].verdict.text if judged[0].verdict else "")
    whose = "its" if line.base == line.name else f"{line.base}'s"
    subject = f"{line.name} keeps {whose} {MEASURE_WORDS[measure]}"
    worse = next((place for place, each in enumerate(judged) if _kind(each) == "worse"), None)
    if worse is None:
        return _without(line, judged, subject, direction)
    dropped, before = judged[worse], judged[:worse]
    kept = [each for each in before if _kind(each) in _KEPT]
    doubtful = [each.label for each in before if _kind(each) not in _KEPT]
    loss = _loss(dropped)
    if kept:
        text = f"{subject} {direction} {kept[-1].label}, loses {loss} at {dropped.label}"
    else:
        already = "" if doubtful else " already"
        text = f"{line.name} loses {loss} of {MEASURE_WORDS[measure]} at {dropped.label}{already}"
    text += f", against {line.reference}"
    if doubtful:
        text += f"; undecided at {_listed(doubtful)}"
    if back := [each.label for each in judged[worse + 1 :] if _kind(each) != "worse"]:
        text += f"; beyond it no loss is proven at {_listed(back)}"
    return Cliff("cliff", text, kept[-1].label if kept else None, dropped.label)


def _without(line: Line, judged: Sequence[Judged], subject: str, direction: str) -> Cliff:
    last = judged[-1].label
    doubtful = [each for each in judged if _kind(each) not in _KEPT]
    if not doubtful:
        ruled_out = points(max(0.0, *(-each.difference.low for each in judged if each.difference)), up=True)
        return Cliff(
            "none",
            f"no drop was found: {subject} {direction} {last}, against {line.reference}"
            f" (more than {ruled_out} points are ruled out)",
            kept=last,
        )
    lowest = min(doubtful, key=lambda each: each.difference.delta if each.difference else 0.0)
    said = lowest.verdict.text if lowest.verdict else ""
    proven = f"{line.name}: no drop is proven {direction} {last}, against {line.reference}"
    text = f"{proven}; at {lowest.label} {said}"
    kept = [each for each in judged[: judged.index(doubtful[0])] if _kind(each) in _KEPT]
    return Cliff("undecided", text, kept[-1].label if kept else None)


def _kind(judged: Judged) -> str:
    return judged.verdict.kind if judged.verdict else ""


def _loss(judged: Judged) -> str:
    assert judged.difference is not None
    low, high = -judged.difference.high, -judged.difference.low
    return f"{points(-judged.difference.delta)} points [{points(low)}, {points(high)}]"


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
