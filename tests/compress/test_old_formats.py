"""Checkpoints in the formats of AutoGPTQ and AutoAWQ: the weights that they stand for, and playing them."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from old_formats import pack, save_in_old_format, settings
from safetensors.torch import load_file, save_file

from arena.engines.hf_load import find_checkpoint, load
from compress.checkpoint import read_checkpoint
from compress.errors import CheckpointError
from compress.old_formats import OldFormat, dense_weight, old_format
from compress.tensor_reader import TensorReader

GROUP = 16
KINDS = pytest.mark.parametrize("kind", ["gptq", "awq"])


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """The weights [out, in] that rounding to the nearest of 4 bits leaves, with scales in float16."""
    groups = weight.float().reshape(len(weight), -1, GROUP)
    scale = (groups.abs().amax(dim=-1, keepdim=True) / 7).clamp(min=1e-6).half().float()
    return (torch.round(groups / scale).clamp(-8, 7) * scale).reshape(weight.shape)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny(tmp_path_factory.mktemp("old") / "model")


@KINDS
def test_weights_are_those_that_the_stored_numbers_stand_for(kind: Any, model: Path, tmp_path: Path) -> None:
    out = save_in_old_format(kind, model, tmp_path / kind, GROUP)
    base = load_file(model / "model.safetensors")
    with TensorReader(read_checkpoint(out)) as reader:
        assert sorted(reader.names) == sorted(base)
        for name, weight in base.items():
            expected = rounded(weight) if "_proj" in name else weight
            torch.testing.assert_close(reader.read(name).float(), expected, rtol=1e-3, atol=1e-3)


@KINDS
def test_the_engine_hf_plays_them_without_another_package(kind: Any, model: Path, tmp_path: Path) -> None:
    out = save_in_old_format(kind, model, tmp_path / kind, GROUP)
    net = load(find_checkpoint(str(out), trust_remote_code=False), name="x", dtype="float32").model
    same = tiny_models.tiny_model()
    for name, weight in same.named_parameters():
        weight.data = rounded(weight.data) if "_proj" in name else weight.data.half().float()
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        torch.testing.assert_close(net(ids).logits, same(ids).logits, rtol=1e-2, atol=1e-2)


def test_settings_in_a_file_of_their_own_count(model: Path, tmp_path: Path) -> None:
    inside = save_in_old_format("gptq", model, tmp_path / "inside", GROUP)
    alone = save_in_old_format("gptq", model, tmp_path / "alone", GROUP)
    config = json.loads((alone / "config.json").read_text())
    written = config.pop("quantization_config")
    (alone / "config.json").write_text(json.dumps(config))
    plain = read_checkpoint(alone).weights_hash
    del written["quant_method"]  # AutoGPTQ's file does not name it
    (alone / "quantize_config.json").write_text(json.dumps(written))
    assert read_checkpoint(alone).quantization == read_checkpoint(inside).quantization
    assert read_checkpoint(alone).weights_hash != plain
    checkpoint = find_checkpoint(str(alone), trust_remote_code=False)
    assert load(checkpoint, name="x", dtype="float32").context_tokens == 1024


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("layout", ["gptq", "gptq_v2"])
def test_groups_in_any_order_zero_points_and_all_widths(bits: int, layout: str) -> None:
    """Against a bit by bit writer of AutoGPTQ's layout."""
    inputs, outputs, groups = 64, 32, 4
    random = torch.Generator().manual_seed(bits)
    numbers = torch.randint(0, 2**bits, (inputs, outputs), generator=random)
    zeros = torch.randint(1, 2**bits, (groups, outputs), generator=random)
    scales = torch.rand(groups, outputs, generator=random)
    group_of = torch.randperm(inputs, generator=random) % groups
    parts = {
        ".qweight": bit_by_bit(numbers.t(), bits).t(),
        ".qzeros": bit_by_bit(zeros - int(layout == "gptq"), bits),
        ".scales": scales,
        ".g_idx": group_of.int(),
    }
    how = old_format({**settings("gptq", 16), "bits": bits, "checkpoint_format": layout})
    assert isinstance(how, OldFormat)
    expected = ((numbers - zeros[group_of]) * scales[group_of]).t()
    torch.testing.assert_close(dense_weight(how, parts.get), expected)


def bit_by_bit(rows: torch.Tensor, bits: int) -> torch.Tensor:
    words = []
    for row in rows.tolist():
        stream = sum(number << (bits * index) for index, number in enumerate(row))
        count = len(row) * bits // 32
        words.append([(stream >> (32 * index)) % 2**32 for index in range(count)])
    return torch.tensor(words).to(torch.int32)


@pytest.mark.parametrize(
    "changes",
    [{"checkpoint_format": "marlin"}, {"dynamic": {"+:x": {"bits": 8}}}, {"bits": 5}, {"bits": "4"}],
)
def test_rare_variants_are_not_guessed_at(changes: dict[str, Any]) -> None:
    assert old_format({**settings("gptq", 16), **changes}) is None
    assert old_format({**settings("awq", 16), "version": "gemv"}) is None


@KINDS
@pytest.mark.parametrize("part", ["qweight", "qzeros", "scales"])
def test_parts_that_do_not_fit_together_are_refused(
    kind: Any, part: str, model: Path, tmp_path: Path
) -> None:
    out = save_in_old_format(kind, model, tmp_path / kind, GROUP)
    weights = load_file(out / "model.safetensors")
    name = f"model.layers.0.mlp.up_proj.{part}"
    weights[name] = weights[name][:-1].contiguous()
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    with (
        TensorReader(read_checkpoint(out)) as reader,
        pytest.raises(CheckpointError, match=r"up_proj in a way that can't be unpacked"),
    ):
        reader.read("model.layers.0.mlp.up_proj.weight")


def test_a_group_that_is_not_there_is_refused() -> None:
    parts = pack("gptq", torch.randn(32, 32), GROUP)
    parts["g_idx"][3] = 2
    how = old_format(settings("gptq", GROUP))
    assert how is not None
    with pytest.raises(ValueError, match="no scales"):
        dense_weight(how, lambda part: parts[part.removeprefix(".")])
