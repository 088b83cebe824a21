"""The methods that llm-compressor computes: what they promise, on a tiny model."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM

from compress.calibration import Calibration, tokenize
from compress.card import Card
from compress.checkpoint import read_checkpoint
from compress.compressor import compress, prepare
from compress.recipe import read_recipe
from compress.tensor_reader import TensorReader
from compress.with_llmcompressor import compressed_model

pytest.importorskip("llmcompressor")
ROOT = Path(__file__).parents[2]
LITTLE = {"samples": "8", "tokens": "64"}
CALIBRATED = {"gptq", "awq", "smoothquant", "sparsegpt"}


@pytest.fixture(scope="module")
def made(tiny: Path, texts: Calibration, tmp_path_factory: pytest.TempPathFactory):
    """Give the folder and the card of a recipe on the tiny model; each is made once."""
    kept: dict[str, tuple[Path, Card]] = {}

    def make(name: str) -> tuple[Path, Card]:
        if name not in kept:
            out = tmp_path_factory.mktemp("made") / "out"
            little = LITTLE if name.split("-")[0] in CALIBRATED else {}
            kept[name] = (out, compress(tiny, read_recipe(name, little), out, calibration=texts))
        return kept[name]

    return make


def test_gptq_beats_rounding_to_nearest(made) -> None:
    for form in ("w4g16", "w3g16"):
        assert made(f"gptq-{form}")[1].error < 0.9 * made(f"rtn-{form}")[1].error


def test_sparsegpt_beats_magnitude(made) -> None:
    for form in ("50", "2:4"):
        assert made(f"sparsegpt-{form}")[1].error < 0.9 * made(f"magnitude-{form}")[1].error


def test_sparsegpt_holds_its_pattern_exactly(made) -> None:
    card = made("sparsegpt-2:4")[1]
    assert (card.pattern, card.sparsity) == ("2:4", 0.5)
    assert made("sparsegpt-50")[1].sparsity == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["gptq-w4g16", "gptq-w8", "awq-w4g16", "smoothquant-w8a8", "sparsegpt-2:4"])
def test_a_checkpoint_has_the_planned_size_and_loads(name: str, made, tiny: Path) -> None:
    from arena.engines.hf_load import find_checkpoint, load

    out, card = made(name)
    assert card.size_bytes == prepare(tiny, name).plan.size_bytes
    checkpoint = find_checkpoint(str(out), trust_remote_code=False)
    model = load(checkpoint, name="x", dtype="float32").model
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        miss = (model(ids).logits - base(ids).logits).norm() / base(ids).logits.norm()
    most = {"gptq-w8": 0.1, "smoothquant-w8a8": 0.1, "sparsegpt-2:4": 1.5}
    assert miss < most.get(name, 0.9)


def test_eight_bits_are_nearly_the_base(made) -> None:
    assert made("gptq-w8")[1].error < 0.01
    assert made("smoothquant-w8a8")[1].error < 0.03


@pytest.mark.parametrize("name", ["smoothquant-w8a8", "awq-w4g16"])
def test_scaling_keeps_the_model_as_it_is_before_rounding(name: str, tiny: Path, texts: Calibration) -> None:
    from llmcompressor.modifiers.gptq import GPTQModifier

    from compress import with_llmcompressor as module

    recipe = read_recipe(name, LITTLE)
    job = prepare(tiny, recipe)
    tokens = tokenize(job.checkpoint, texts, recipe.samples, recipe.tokens).calibration
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    scaling = [
        each
        for each in module._modifiers(job.plan, recipe, lambda *_: None)
        if not isinstance(each, GPTQModifier)
    ]
    module._run(model, scaling, tokens)
    weights = {key: value for key, value in model.state_dict().items() if key in before}
    assert any(not torch.equal(weights[key], before[key]) for key in before)
    base, scaled = tiny_models.tiny_model(), tiny_models.tiny_model()
    scaled.load_state_dict(weights)
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        torch.testing.assert_close(scaled(ids).logits, base(ids).logits, rtol=1e-3, atol=1e-4)


def test_groups_that_do_not_fit_are_made_smaller_here_too(texts: Calibration, tmp_path: Path) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", intermediate_size=60)
    card = compress(model, read_recipe("gptq-w4g32", LITTLE), tmp_path / "out", calibration=texts)
    assert "group size 30 instead of 32" in card.notes[0]
    with TensorReader(read_checkpoint(tmp_path / "out")) as reader:
        assert reader.read("model.layers.0.mlp.down_proj.weight").shape == (32, 60)


def test_progress_names_every_block(tiny: Path, texts: Calibration) -> None:
    recipe = read_recipe("smoothquant-w8a8", LITTLE)
    job = prepare(tiny, recipe)
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    tokens = tokenize(job.checkpoint, texts, recipe.samples, recipe.tokens).calibration
    told: list[tuple[str, int]] = []
    list(compressed_model(model, job.plan, recipe, tokens, lambda *step: told.append(step)))
    assert [step for step in told if step[1] <= 2] == [
        ("smoothing", 1),
        ("smoothing", 2),
        ("compressing", 1),
        ("compressing", 2),
    ]


def test_nothing_is_written_on_stdout(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    """In a process of its own: what llm-compressor writes while it is imported counts."""
    program = """
import sys
import subprocess
import sys
from pathlib import Path
from compress.calibration import Calibration
from compress.compressor import compress
from compress.recipe import read_recipe
texts = Calibration("x", ("The mill is by the river. " * 60,))
recipe = read_recipe("gptq-w4g16", {"samples": "4", "tokens": "32"})
compress(Path(sys.argv[1]), recipe, Path(sys.argv[2]), calibration=texts)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tiny, tmp_path / "out"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", ["sparsegpt-50", "gptq-w4g16", "smoothquant-w8a8"])
def test_a_model_of_16_bits_is_stored_in_16_bits_again(name: str, texts: Calibration, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    base = tiny_models.save_tiny(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model.save_pretrained(base)
    compress(base, read_recipe(name, LITTLE), tmp_path / "out", calibration=texts)
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.float32 not in {tensor.dtype for tensor in stored.values()}
