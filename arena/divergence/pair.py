"""The two models of a divergence: the run's baseline and one of its compressed contestants."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.analyzing.models import (
    Candidate,
    Opened,
    candidates,
    check_fast_tokenizer,
    check_same_vocabulary,
    in_this_process,
    named,
    open_model,
)
from arena.analyzing.trajectories import contestant_of
from arena.engines.registry import ContestantSpec
from arena.errors import Unsupported, UsageError
from arena.plan import read_plan

if TYPE_CHECKING:
    from arena.engines.hf_chat import Chat

_INSTEAD = "play model folders, hf:PATH_OR_ID or vllm:PATH_OR_ID; a server's own text is all that it scores"


@dataclass(frozen=True)
class Pair:
    """A run's baseline and a compressed contestant, both loaded; `control` is the base in another engine.

    `contestant` is what the run's plan says of the compressed one, `chat` its way of writing conversations.
    """

    run: Path
    baseline: str
    contestant: Mapping[str, Any]
    base: Opened
    other: Opened
    chat: "Chat"
    control: Opened | None = None

    @property
    def context_tokens(self) -> int | None:
        """The longest sequence that both models read."""
        limits = (self.base.loaded.context_tokens, self.other.loaded.context_tokens)
        return min(filter(None, limits), default=None)


def comparable(run: Path, contestant: str | None = None) -> list[str]:
    """Return the contestants that can be compared with the run's baseline token by token, or the one named.

    Loads nothing. Raises `UsageError` for unknown names and the baseline's own, `Unsupported` where the
    weights of the baseline, of the one named or of all others are elsewhere.
    """
    baseline, *others = read_plan(run)["contestants"]
    _in_this_process(baseline)
    if contestant:
        _in_this_process(_chosen(run, contestant))
        return [contestant]
    found = [each["name"] for each in others if in_this_process(each)]
    if not found:
        raise Unsupported(
            f"no contestant of {run} can be compared with {baseline['name']}: weights and logits of none are"
            " in this process",
            _INSTEAD,
        )
    return found


def open_pair(run: Path, contestant: str, control: str | None = None) -> Pair:
    """Load a run's baseline and a contestant; slow.

    `control` is the baseline in another engine or on another device, as contestants are typed. Raises
    `UsageError` for unknown names, weights that have changed since the run was played, and models that can't
    be compared; `Unsupported` for engines without weights in this process; `EngineError` for models that
    can't be loaded.
    """
    baseline, chosen = read_plan(run)["contestants"][0], _chosen(run, contestant)
    found = []
    for each in (baseline, chosen):
        (candidate,) = named([_in_this_process(each)])
        _check_same_weights(candidate, each, run)
        found.append(candidate)
    second = _control(control, baseline) if control else None
    base, other = map(open_model, found)
    check_same_vocabulary(base, other)
    check_fast_tokenizer(other)
    from arena.engines.hf_chat import Chat

    return Pair(
        run,
        baseline["name"],
        chosen,
        base,
        other,
        Chat(other.loaded.tokenizer),
        open_model(second) if second else None,
    )


def _chosen(run: Path, contestant: str) -> Mapping[str, Any]:
    chosen = contestant_of(run, contestant)
    if contestant == read_plan(run)["contestants"][0]["name"]:
        raise UsageError(f"{contestant} is the baseline: it diverges from nothing", "name another contestant")
    return chosen


def _control(typed: str, baseline: Mapping[str, Any]) -> Candidate:
    (candidate,) = candidates([typed])
    engine, recorded = candidate.engine.identity(), baseline["identity"]["engine"]
    if (engine["weights"], engine["dtype"]) != (recorded["weights"], recorded["dtype"]):
        raise UsageError(
            f"{typed} is no control: its weights or its dtype are not those of {baseline['name']}",
            "give the baseline itself on another device or in another engine",
        )
    return candidate


def _check_same_weights(candidate: Candidate, contestant: Mapping[str, Any], run: Path) -> None:
    if candidate.engine.identity()["weights"] != contestant["identity"]["engine"].get("weights"):
        raise UsageError(
            f"the weights of {candidate.name} are not those that played {run}",
            "put back the old checkpoint, or play the run again",
        )


def _in_this_process(contestant: Mapping[str, Any]) -> ContestantSpec:
    spec = in_this_process(contestant)
    if spec is None:
        raise Unsupported(
            f"{contestant['name']} ({contestant.get('spec', '?')}) can't be read token by token: its weights"
            " and logits are not in this process",
            _INSTEAD,
        )
    return spec
