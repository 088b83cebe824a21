"""A whole analysis: base and compressed models, a text or a run, and one JSON-able document about them."""

import gc
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arena.analyzing.models import Candidate, Opened, check_same_vocabulary, open_model
from arena.analyzing.passages import Passage, text_windows
from arena.analyzing.predictors import damages, perplexity_against_top_k, predictors_document
from arena.analyzing.reading import fitting_ks, read_pair
from arena.analyzing.tally import PairTally
from arena.analyzing.trajectories import Account, contestant_of, trajectories
from arena.analyzing.weights import Matrix, differences, matrices, stored_tensors
from arena.errors import ArenaError, UsageError

WINDOW_TOKENS = 512
_SAME_LOSS = 1e-3
"""How near two readings of one text by one model are, on hardware whose sums have no fixed order."""
MOST_TOKENS = 128 * WINDOW_TOKENS
"""ACBench's calibration sets are 128 sequences of 512 tokens."""

_LARGE_SHARE = 1 / 8
_LOOKED_THROUGH = 16
"""After so many times what is to be read, nobody looks further for short passages."""

Progress = Callable[[str, int], None]
"""Told of what is being done, and how many tokens or matrices more are done."""
Steps = MutableMapping[str, Any]
"""What was worked out of each model (`read NAME`, `weigh NAME`), JSON-able.

What is there is not done again, what is new is put there.
"""


@dataclass(frozen=True)
class Source:
    """What the models read: the trajectories of a run's contestant, or else windows of a text file.

    Without `text`, that is the calibration text that ships with Arena.
    """

    run: Path | None = None
    text: Path | None = None
    contestant: str | None = None
    window_tokens: int = WINDOW_TOKENS
    most_tokens: int = MOST_TOKENS

    def passages(self, reader: Opened, account: Account) -> Iterator[Passage]:
        """Yield what the models read, in the base's tokens; stops once `most_tokens` are read.

        Of a run, long trajectories are read last (`_long_ones_last`).
        """
        if self.run is None:
            room = min(self.window_tokens, reader.loaded.context_tokens or self.window_tokens)
            return text_windows(self.text, reader.loaded.tokenizer, room, self.most_tokens)
        found = trajectories(self.run, contestant_of(self.run, self.contestant), reader, account)
        return _until(found, self.most_tokens)


def study(
    base: Candidate,
    others: Sequence[Candidate],
    source: Source | None,
    ks: Sequence[int] | None,
    progress: Progress,
    steps: Steps | None = None,
    *,
    known_only: bool = False,
) -> dict[str, Any]:
    """Analyse compressed models beside their base, and return the document that all tables are drawn from.

    {base: {name, loss, …, weights}, models: {name: {loss, kl, …, weights}}, source, top_k_against_perplexity,
    predictors}; without what was not asked for. Without a source, weights alone are read. Two models are in
    memory at a time. `steps` are of the same base, source and ks; `known_only` loads no model and leaves out
    what they don't hold. Raises `ArenaError`.
    """
    steps = {} if steps is None else steps
    if known_only:
        others = [each for each in others if f"read {each.name}" in steps]
    document: dict[str, Any] = {"base": {"name": base.name}, "models": {each.name: {} for each in others}}
    if source:
        document |= _read_all(base, others, source, ks, progress, steps)
    notes = []
    if base.engine.checkpoint.gguf and source:
        notes.append(f"{base.name} is a GGUF file: its weights were not read one by one")
    else:
        weighed = [each for each in others if not known_only or f"weigh {each.name}" in steps]
        notes += _weigh_all(document, base, weighed, progress, steps, tolerant=source is not None)
    document["notes"] = [*document.get("notes", []), *notes]
    document["top_k_against_perplexity"] = perplexity_against_top_k(document["models"])
    if source and source.run:
        base_loss = document["base"].get("loss")
        damage = {name: damages(numbers, base_loss) for name, numbers in document["models"].items()}
        document["predictors"] = predictors_document(source.run, base, others, damage)
    return document


def _read_all(
    base: Candidate,
    others: Sequence[Candidate],
    source: Source,
    ks: Sequence[int] | None,
    progress: Progress,
    steps: Steps,
) -> dict[str, Any]:
    document: dict[str, Any] = {"models": {}}
    step: Mapping[str, Any] = {}
    opened: Opened | None = None
    for candidate in others:
        key = f"read {candidate.name}"
        if key not in steps:
            if opened is None:
                progress(f"load {base.name}", 0)
                opened = open_model(base)
            steps[key] = _read_one(opened, candidate, source, fitting_ks(ks, opened.vocabulary), progress)
            gc.collect()
        step = steps[key]
        _check_same_text(step["model"], document)
        document["models"][candidate.name] = dict(step["model"])
    document["base"] = {"name": base.name, **step.get("base", {})}
    document["source"] = step.get("source", {})
    document["notes"] = step.get("notes", [])
    return document


def _read_one(
    base: Opened, candidate: Candidate, source: Source, ks: Sequence[int], progress: Progress
) -> dict[str, Any]:
    """Return {model, base: the numbers of both, source, notes}."""
    progress(f"load {candidate.name}", 0)
    other = open_model(candidate)
    check_same_vocabulary(base, other)
    account = Account()
    passages = source.passages(base, account)
    tally = read_pair(base, other, passages, ks, lambda tokens: progress(f"read {candidate.name}", tokens))
    return {
        "model": tally.numbers(),
        "base": tally.base_numbers(),
        "source": _source(source, tally, account),
        "notes": _notes(account),
    }


def _check_same_text(now: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Raise `ArenaError` where the base read something else than beside the models before."""
    for before in document["models"].values():
        if now["tokens"] != before["tokens"] or not math.isclose(
            now["base_loss"], before["base_loss"], rel_tol=_SAME_LOSS
        ):
            raise ArenaError("the text or the run changed while it was read", "analyse it again")


def _source(source: Source, tally: PairTally, account: Account) -> dict[str, Any]:
    if source.run is None:
        return {
            "text": source.text.name if source.text else "bundled",
            "tokens": tally.tokens,
            "window_tokens": source.window_tokens,
        }
    return {
        "run": source.run.name,
        "contestant": contestant_of(source.run, source.contestant)["name"],
        "tokens": tally.tokens,
        **asdict(account),
    }


def _notes(account: Account) -> list[str]:
    notes = []
    if account.unlike:
        notes.append(f"{account.unlike} turns were left out: their prompts could not be built again")
    if account.cut:
        notes.append(f"{account.cut} turns did not fit the model's context and lost their beginnings")
    return notes


def _weigh_all(
    document: dict[str, Any],
    base: Candidate,
    others: Sequence[Candidate],
    progress: Progress,
    steps: Steps,
    *,
    tolerant: bool,
) -> list[str]:
    notes = []
    weighed: dict[str, Matrix] = {}
    of_base = f"weigh {base.name}"
    for candidate in others:
        if candidate.engine.checkpoint.gguf and tolerant:
            notes.append(f"{candidate.name} is a GGUF file: its weights were not read one by one")
            continue
        key = f"weigh {candidate.name}"
        if key not in steps:
            if not weighed:
                weighed = _weigh(base, progress)
                steps[of_base] = _weights_of(weighed)
            steps[key] = _weigh_one(base, weighed, candidate, progress)
        document["base"]["weights"] = steps[of_base]
        document["models"][candidate.name]["weights"] = steps[key]
    return notes


def _weigh_one(
    base: Candidate, weighed: dict[str, Matrix], candidate: Candidate, progress: Progress
) -> dict[str, Any]:
    """Return what a document says of a model's weights beside the base's."""
    found = _weigh(candidate, progress)
    apart = differences(weighed, found)
    if not apart:
        raise UsageError(
            f"{candidate.name} has no weight matrix in common with {base.name}, in name and shape",
            "compare a model with what was made from it",
        )
    return {
        **_weights_of(found, apart),
        "mean_difference": float(np.mean(list(apart.values()))),
        "mean_absolute_difference": float(np.mean(np.abs(list(apart.values())))),
    }


def _weigh(candidate: Candidate, progress: Progress) -> dict[str, Matrix]:
    tensors = stored_tensors(candidate.engine.checkpoint)
    found = matrices(candidate, tensors, lambda _: progress(f"weigh {candidate.name}", 1))
    return {matrix.name: matrix for matrix in found}


def _weights_of(found: dict[str, Matrix], apart: dict[str, float] | None = None) -> dict[str, Any]:
    ordered = sorted(
        found.values(), key=lambda matrix: (matrix.layer is None, matrix.layer or 0, matrix.name)
    )
    return {
        "mean_erank": float(np.mean([matrix.erank.value for matrix in ordered])) if ordered else None,
        "relative_error": max((matrix.erank.relative_error for matrix in ordered), default=0.0),
        "matrices": [
            {
                "name": matrix.name,
                "layer": matrix.layer,
                "kind": matrix.kind,
                "shape": list(matrix.shape),
                "erank": matrix.erank.value,
                **({"difference": apart[matrix.name]} if apart and matrix.name in apart else {}),
            }
            for matrix in ordered
        ],
    }


def _until(passages: Iterator[Passage], most_tokens: int) -> Iterator[Passage]:
    read = 0
    for passage in _long_ones_last(passages, most_tokens):
        yield passage
        read += len(passage.tokens)
        if read >= most_tokens:
            return


def _long_ones_last(passages: Iterator[Passage], most_tokens: int) -> Iterator[Passage]:
    """Yield passages, those that are a large share of what is to be read behind all others.

    One needle in a long text would otherwise be all that is read of a run, and its answer all that counts.
    """
    long: list[Passage] = []
    set_aside = 0
    for passage in passages:
        if len(passage.tokens) <= most_tokens * _LARGE_SHARE:
            yield passage
            continue
        if set_aside < most_tokens:
            long.append(passage)
        set_aside += len(passage.tokens)
        if set_aside > _LOOKED_THROUGH * most_tokens:
            break
    yield from long
