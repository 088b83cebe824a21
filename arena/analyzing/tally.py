"""Numbers of one pair of models, gathered over passages; memory does not grow with their vocabulary."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparison import at_k, compare
from analysis.erank import HiddenERank
from analysis.perplexity import perplexity
from analysis.streams import AtPositions, Histogram, Means, by_depth
from arena.analyzing.passages import OVERALL, Passage

if TYPE_CHECKING:
    from torch import Tensor

ENERGY_POSITIONS = (1, 64, 117, 175, 244, 252)
LOGITS_POSITIONS = (2, 82, 134, 184, 225, 246)
"""The positions at which ACBench shows distributions (figures 14 and 15)."""
RANKINGS = ("jaccard", "kendall", "spearman")


class PairTally:
    """What is known of a compressed model beside its base, and of the base beside it."""

    def __init__(self, ks: Sequence[int]) -> None:
        self.ks = tuple(ks)
        self._groups: dict[str, Means] = {OVERALL: Means()}
        self._depths: dict[str, Means] = {}
        self._base_energies, self._energies = AtPositions(ENERGY_POSITIONS), AtPositions(ENERGY_POSITIONS)
        self._base_logits = {position: Histogram() for position in LOGITS_POSITIONS}
        self._logits = {position: Histogram() for position in LOGITS_POSITIONS}
        self._base_erank, self._erank = HiddenERank(), HiddenERank()

    def add_logits(
        self, batch: Sequence[Passage], start: int, base: "Tensor", other: "Tensor", targets: "Tensor"
    ) -> None:
        """Count what both models say at consecutive positions of a batch of passages.

        `base` and `other` are logits [batch, positions, vocabulary] of positions `start` on, `targets`
        [batch, positions] the tokens that came next. Raises `ValueError` as `analysis.comparison.compare`.
        """
        positions = np.arange(start, start + base.shape[1])
        numbers = compare(base.flatten(0, 1), other.flatten(0, 1), targets.flatten(), self.ks)
        for row, passage in enumerate(batch):
            each = {name: values.reshape(len(batch), -1)[row] for name, values in numbers.items()}
            self._count(passage, positions, each)
        for histograms, logits in ((self._base_logits, base), (self._logits, other)):
            for position, histogram in histograms.items():
                if start <= position < start + base.shape[1]:
                    histogram.add(logits[:, position - start].float().cpu().numpy())

    def add_states(self, base: "Tensor", other: "Tensor") -> None:
        """Count both models' last hidden states of a whole passage [tokens, width]. Raises `ValueError`."""
        self._base_erank.add(base)
        self._erank.add(other)

    @property
    def tokens(self) -> int:
        """How many predictions count in the models' own numbers."""
        return self._groups[OVERALL].mean("loss").count

    def base_numbers(self) -> dict[str, Any]:
        """Return the base's own numbers, as the document of an analysis has them."""
        means = self._groups[OVERALL]
        return {
            "loss": means.mean("base_loss").value,
            "perplexity": perplexity(means.mean("base_loss").value),
            "energy": means.mean("base_energy").value,
            "erank_hidden": self._base_erank.value,
            "energy_at": self._base_energies.values(),
            "logits_at": _histograms(self._base_logits),
        }

    def numbers(self) -> dict[str, Any]:
        """Return the compressed model's numbers, as the document of an analysis has them."""
        own = self._summary(self._groups[OVERALL])
        groups = {name: self._summary(means) for name, means in self._groups.items() if name != OVERALL}
        return {
            **own,
            "erank_hidden": self._erank.value,
            "diff_erank": self._erank.value - self._base_erank.value,
            "by_depth": {label: self._summary(means) for label, means in self._depths.items()},
            "by_group": groups,
            "energy_at": self._energies.values(),
            "logits_at": _histograms(self._logits),
        }

    def _count(
        self, passage: Passage, positions: NDArray[np.int64], numbers: Mapping[str, NDArray[np.float64]]
    ) -> None:
        for group, mask in passage.groups.items():
            counted = mask[positions + 1]
            _add(self._groups.setdefault(group, Means()), numbers, counted)
        counted = passage.groups[OVERALL][positions + 1]
        for label, deep in by_depth(positions).items():
            _add(self._depths.setdefault(label, Means()), numbers, counted & deep)
        self._base_energies.add(positions[counted], numbers["base_energy"][counted])
        self._energies.add(positions[counted], numbers["energy"][counted])

    def _summary(self, means: Means) -> dict[str, Any]:
        kl, flip, gap = (means.mean(name) for name in ("kl", "flip", "energy_gap"))
        return {
            "tokens": kl.count,
            "loss": means.mean("loss").value,
            "perplexity": perplexity(means.mean("loss").value),
            "base_loss": means.mean("base_loss").value,
            "kl": kl.value,
            "kl_error": kl.error,
            "top1_flips": flip.value,
            "top1_flips_error": flip.error,
            "energy": means.mean("energy").value,
            "delta_energy": gap.value,
            "top_k": {
                str(k): {measure: means.mean(at_k(measure, k)).value for measure in RANKINGS} for k in self.ks
            },
        }


def _add(means: Means, numbers: Mapping[str, NDArray[np.float64]], counted: NDArray[np.bool_]) -> None:
    if counted.any():
        for name, values in numbers.items():
            means.add(name, values[counted])


def _histograms(histograms: Mapping[int, Histogram]) -> dict[int, dict[str, list[float]]]:
    return {
        position: {"edges": histogram.edges.tolist(), "counts": histogram.counts.tolist()}
        for position, histogram in histograms.items()
        if histogram.counts.size
    }


def without_nan(value: Any) -> Any:
    """Return a document with None for each number that JSON can't hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value
