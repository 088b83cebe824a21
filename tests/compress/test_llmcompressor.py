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


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", ["sparsegpt-50", "sparsegpt-2:4", "gptq-w4g16"])
def test_what_a_recipe_ignores_stays_as_it_is(
    name: str, tied: bool, texts: Calibration, tmp_path: Path
) -> None:
    base = tiny_models.save_tiny(tmp_path / "base", tie_word_embeddings=tied)
    recipe = read_recipe(name, LITTLE | {"ignore": "lm_head;q_proj"})
    compress(base, recipe, tmp_path / "out", calibration=texts)
    with (
        TensorReader(read_checkpoint(base)) as before,
        TensorReader(read_checkpoint(tmp_path / "out")) as after,
    ):
        same = {key for key in before.names if torch.equal(before.read(key), after.read(key))}
        linears = {layer.name for layer in prepare(base, recipe).plan.layers}
    assert same == {key for key in before.names if key.removesuffix(".weight") not in linears}
    assert {"model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"} <= same


@pytest.mark.parametrize("name", ["gptq-w4g16", "awq-w4g16", "sparsegpt-2:4"])
def test_an_output_layer_that_is_not_ignored_is_compressed(
    name: str, tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    recipe = read_recipe(name, LITTLE | {"ignore": ""})
    card = compress(tiny, recipe, tmp_path / "out", calibration=texts)
    assert card.layers[-1].name == "lm_head"


def test_what_the_model_computes_itself_is_kept(texts: Calibration, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = tiny_models.save_tiny(tmp_path / "base")
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    tensors = load_file(base / "model.safetensors") | {name: torch.arange(4.0)}
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    compress(base, read_recipe("gptq-w4g16", LITTLE), tmp_path / "out", calibration=texts)
    assert torch.equal(load_file(tmp_path / "out/model.safetensors")[name], torch.arange(4.0))


@pytest.mark.parametrize("computed", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["sparsegpt-50", "gptq-w4g16", "smoothquant-w8a8"])
def test_a_model_of_16_bits_is_stored_in_16_bits_again(
    name: str,
    computed: torch.dtype,
    texts: Calibration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from safetensors.torch import load_file

    monkeypatch.setattr("compress.blocks.fast_type", lambda stored: computed)
    base = _in_16_bits(tmp_path / "base")
    compress(base, read_recipe(name, LITTLE), tmp_path / "out", calibration=texts)
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.float32 not in {tensor.dtype for tensor in stored.values()}


def test_what_gptq_rounded_to_is_what_is_stored(texts: Calibration, tmp_path: Path) -> None:
    """Computed in 32 bits and stored with scales of 16: GPTQ has to know of those."""
    base = _in_16_bits(tmp_path / "base")
    recipe = read_recipe("smoothquant-w8a8", LITTLE)
    job = prepare(base, recipe)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    tokens = tokenize(job.checkpoint, texts, recipe.samples, recipe.tokens).calibration
    for layer, stored in compressed_model(model, job.plan, recipe, tokens, lambda *step: None):
        numbers, scale = stored[f"{layer}.weight"], stored[f"{layer}.weight_scale"]
        assert scale.dtype == torch.bfloat16
        torch.testing.assert_close(numbers * scale.float(), model.get_submodule(layer).weight.detach())


def _in_16_bits(folder: Path) -> Path:
    """Save the tiny model, its weights in bfloat16."""
    tiny_models.save_tiny(folder)
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    return folder
