"""Which models can be compressed, and what the others are told."""

import json
from pathlib import Path

import pytest
import tiny_models

from compress.architecture import read_architecture
from compress.calibration import Calibration
from compress.checkpoint import read_checkpoint
from compress.compressor import compress
from compress.errors import CheckpointError

EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8}


@pytest.mark.parametrize(
    ("kind", "settings", "says", "advises"),
    [
        ("gpt_oss", EXPERTS, r"mixture of experts \(it stores model.layers.0.mlp.experts", "-a hf:"),
        ("jetmoe", EXPERTS | {"kv_channels": 8, "num_key_value_heads": 4}, "mixture of experts", "-a hf:"),
        ("llama4_text", EXPERTS | {"intermediate_size_mlp": 64}, "mixture of experts", "-a hf:"),
        ("mixtral", EXPERTS, "mixture of experts", "-a hf:"),
        ("gpt_neox", {}, r"stores (?!.*experts).*under another name or not at all", "-a hf:"),
        ("gpt2", {"n_embd": 32, "n_head": 4}, "Conv1D, as GPT-2", "another architecture"),
        (
            "gpt2",
            {"n_embd": 32, "n_head": 4, "tie_word_embeddings": False},
            "Conv1D, as GPT-2",
            "another architecture",
        ),
    ],
)
def test_a_model_that_is_not_made_of_linear_layers_is_refused(
    kind: str, settings: dict, says: str, advises: str, tmp_path: Path
) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", kind, **settings)
    with pytest.raises(CheckpointError, match=says) as caught:
        read_architecture(read_checkpoint(model))
    assert advises in caught.value.next_step


@pytest.mark.parametrize("kind", ["mamba", "lfm2"])
def test_convolutions_are_no_experts(kind: str, tmp_path: Path) -> None:
    settings = {"mamba": {"state_size": 8}, "lfm2": {"layer_types": ["conv", "full_attention"]}}[kind]
    model = tiny_models.save_tiny(tmp_path / "model", kind, **settings)
    architecture = read_architecture(read_checkpoint(model))
    assert any(len(slot.shape) == 3 for slot in architecture.stored.values())


def test_code_is_not_needed_where_transformers_has_its_own(
    tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    """Phi and others of that time came with code that is part of transformers by now."""
    model = tiny_models.save_tiny(tmp_path / "model")
    settings = json.loads((model / "config.json").read_text())
    mine = {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"}
    (model / "config.json").write_text(json.dumps(settings | {"auto_map": mine}))
    (model / "mine.py").write_text("raise SystemExit('the code was run')\n")
    compress(model, "rtn-w4g16", tmp_path / "out", calibration=texts)
    made = json.loads((tmp_path / "out/config.json").read_text())
    assert "auto_map" not in made
    assert not list((tmp_path / "out").glob("*.py"))
    assert made["model_type"] == "llama"
