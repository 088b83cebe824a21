"""AWQ and SmoothQuant: what they scale is made up for in every architecture that they accept."""

from pathlib import Path

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM

from compress.calibration import Calibration, tokenize
from compress.compressor import compress, prepare
from compress.errors import CheckpointError
from compress.recipe import read_recipe
from compress.with_llmcompressor import compressed_model

pytest.importorskip("llmcompressor")
LITTLE = {"samples": "4", "tokens": "32"}
GEMMA = {"head_dim": 8, "sliding_window": 16, "query_pre_attn_scalar": 8}


def with_outliers(folder: Path, kind: str, **settings: object) -> Path:
    """Save a tiny model whose norms let some channels through a hundred times as much as others."""
    model = tiny_models.tiny_model(kind, **settings)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                weight.copy_(torch.logspace(-1, 1, len(weight)) - int("gemma" in kind))
    model.save_pretrained(folder)
    tiny_models.byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "settings"), [("gemma2", GEMMA), ("gemma3_text", GEMMA), ("phi", {})])
def test_smoothquant_keeps_models_whose_norms_stand_elsewhere_than_llama_s(
    kind: str, settings: dict, texts: Calibration, tmp_path: Path
) -> None:
    model = with_outliers(tmp_path / "model", kind, **settings)
    card = compress(model, read_recipe("smoothquant-w8a8", LITTLE), tmp_path / "out", calibration=texts)
    assert card.error is not None
    assert card.error < 0.05


def test_a_model_that_scaling_would_break_is_refused(
    texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compress.with_llmcompressor.smoothed_layers", lambda _: None)
    model = with_outliers(tmp_path / "model", "phi")
    with pytest.raises(CheckpointError, match="does not know what feeds what in PhiForCausalLM") as caught:
        compress(model, read_recipe("smoothquant-w8a8", LITTLE), tmp_path / "out", calibration=texts)
    assert "gptq-w8" in caught.value.next_step
    assert not (tmp_path / "out").exists()


def test_awq_is_watched_too(tiny: Path, texts: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    from compress import with_llmcompressor as module

    recipe = read_recipe("awq-w4g16", LITTLE)
    job = prepare(tiny, recipe)
    tokens = tokenize(job.checkpoint, texts, recipe.samples, recipe.tokens).calibration
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    run = module._run

    def and_break(model, modifiers, tokens) -> None:
        run(model, modifiers, tokens)
        model.get_submodule("model.layers.0.input_layernorm").weight.data.mul_(torch.linspace(1, 3, 32))

    monkeypatch.setattr(module, "_run", and_break)
    with pytest.raises(CheckpointError, match="Scaling for AWQ would break"):
        list(compressed_model(model, job.plan, recipe, tokens, lambda *_: None))


@pytest.mark.parametrize("ignore", ["lm_head;down_proj", "lm_head;o_proj", "lm_head;q_proj;k_proj;v_proj"])
def test_awq_leaves_out_what_is_ignored(tiny: Path, ignore: str, texts: Calibration, tmp_path: Path) -> None:
    recipe = read_recipe("awq-w4g16", LITTLE | {"ignore": ignore})
    card = compress(tiny, recipe, tmp_path / "out", calibration=texts)
    assert not {layer.name.rpartition(".")[2] for layer in card.layers} & set(ignore.split(";"))
