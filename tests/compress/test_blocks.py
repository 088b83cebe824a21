"""Models whose blocks are called in other ways than Llama's, and models that have no blocks to call."""

import os
from pathlib import Path

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM

from compress.architecture import read_architecture
from compress.blocks import enter
from compress.calibration import Calibration
from compress.checkpoint import read_checkpoint
from compress.compressor import compress
from compress.errors import NotInBlocksError
from compress.new_folder import clear_leftovers
from compress.plan import make_plan
from compress.recipe import read_recipe
from compress.tensor_reader import TensorReader

KINDS = {
    "bloom": {"n_head": 4},
    "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]], "num_heads": 4},
    "gpt_bigcode": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 48},
    "bert": {"is_decoder": True},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "expansion_ratio": 2, "max_seq_len": 256},
    "mamba": {"state_size": 8},
}
LITTLE = {"samples": "8", "tokens": "32"}


def saved(folder: Path, kind: str) -> Path:
    return tiny_models.save_tiny(folder, kind, **KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_block_by_block_is_as_the_whole(kind: str, tmp_path: Path) -> None:
    model = saved(tmp_path / "model", kind)
    checkpoint = read_checkpoint(model)
    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    ids = torch.arange(5 * 24).reshape(5, 24) % 250
    last: list[torch.Tensor] = []
    with TensorReader(checkpoint) as base:
        blocks, hidden = enter(read_architecture(checkpoint), base.read, ids)
        whole.get_submodule(blocks[-1].name).register_forward_hook(
            lambda _, __, out: last.append(out[0] if isinstance(out, tuple) else out)
        )
        with torch.inference_mode():
            whole(ids)
        for block in blocks:
            block.load(base.read)
            block.advance(hidden)
            block.unload()
    torch.testing.assert_close(hidden, last[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_wanda_prunes_them(kind: str, texts: Calibration, tmp_path: Path) -> None:
    model = saved(tmp_path / "model", kind)
    card = compress(model, read_recipe("wanda-50", LITTLE), tmp_path / "out", calibration=texts)
    assert card.sparsity == pytest.approx(0.5, abs=0.02)


def test_layers_that_are_never_called_go_by_magnitude_and_have_no_error(
    texts: Calibration, tmp_path: Path
) -> None:
    """Mamba's mixer takes the weights of dt_proj itself."""
    model = saved(tmp_path / "model", "mamba")
    card = compress(model, read_recipe("wanda-50", LITTLE), tmp_path / "out", calibration=texts)
    (note,) = card.notes
    assert note.startswith("2 layers are pruned by magnitude, backbone.layers.0.mixer.dt_proj among them")
    errors = {layer.name: layer.error for layer in card.layers}
    assert errors["backbone.layers.1.mixer.dt_proj"] is None
    assert all(error for name, error in errors.items() if "dt_proj" not in name)
    name = "backbone.layers.0.mixer.dt_proj.weight"
    with (
        TensorReader(read_checkpoint(model)) as base,
        TensorReader(read_checkpoint(tmp_path / "out")) as made,
    ):
        size, kept = base.read(name).abs(), made.read(name) != 0
    for row, left in zip(size, kept, strict=True):
        assert row[left].min() >= row[~left].max()


def test_what_can_t_be_measured_is_made_all_the_same(
    tiny: Path, texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("made for a batch of 1")

    monkeypatch.setattr("transformers.models.llama.modeling_llama.LlamaMLP.forward", fail)
    card = compress(tiny, read_recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    assert card.error is None
    (note,) = card.notes
    assert "no errors were measured: The model can't be run block by block" in note
    assert "made for a batch of 1" in note
    with pytest.raises(NotInBlocksError, match="made for a batch of 1") as caught:
        compress(tiny, read_recipe("wanda-50", LITTLE), tmp_path / "wanda", calibration=texts)
    assert "needs no calibration" in caught.value.next_step
    assert not (tmp_path / "wanda").exists()


def test_layers_of_one_last_name_have_one_group_size(tmp_path: Path) -> None:
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 80}
    model = tiny_models.save_tiny(tmp_path / "model", "gpt_bigcode", **sizes)
    plan = make_plan(read_architecture(read_checkpoint(model)), read_recipe("rtn-w4g32"))
    of_c_proj = {layer.width: layer.scheme.group_size for layer in plan.layers if "c_proj" in layer.name}
    assert of_c_proj == {32: 16, 80: 16}
    assert any("group size 16 instead of 32 in 2 layers that are 80 wide" in note for note in plan.notes)
    card = compress(model, "rtn-w4g32", tmp_path / "out")
    assert card.size_bytes == plan.size_bytes
    groups = read_checkpoint(tmp_path / "out").quantization["config_groups"].values()
    names = [name for group in groups for name in group["targets"][0].split("(")[-1].strip(")$").split("|")]
    assert sorted(names) == sorted(set(names))


def test_only_what_dead_processes_left_is_cleared(tmp_path: Path) -> None:
    from compress.new_folder import new_folder

    def left(name: str) -> Path:
        folder = tmp_path / f".{name}.unfinished"
        folder.mkdir()
        os.utime(folder, (1, 1))
        return folder

    dead, other = left("out.12345678"), left("out2.12345678")
    with new_folder(tmp_path / "out", 10) as mine:
        assert not dead.exists()
        os.utime(mine, (1, 1))
        clear_leftovers(tmp_path / "out")
        assert mine.exists()
    assert other.exists()
    assert (tmp_path / "out").exists()
