"""How the way to run a model is found: what gives the model's own logits is kept, nothing else."""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.analyzing.rounded import rounded_cache
from arena.engines import hf_linear, hf_packed
from arena.engines.hf_forward import StockForward, choose_forward, rounding_forward
from arena.engines.hf_linear import LaidOutLinear, RoundedInputLinear, lay_out, put_back, unrounded_inputs
from arena.engines.hf_packed import ATTENTION, PackedForward
from arena.errors import EngineError

IDS = [5, 80, 3, 200, 17, 99]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> Any:
    """A model that is packed but not fused, for its biases."""
    return tiny_models.tiny_model(attention_bias=True)


def linears(model: Any) -> set[type]:
    return {type(module) for module in model.modules()} & {torch.nn.Linear, LaidOutLinear}


def gives_the_logits_of(forward: Any, model: Any) -> bool:
    with torch.inference_mode():
        logits = forward.step([(forward.new_sequence(), IDS)])[0]
        return torch.allclose(logits, model(torch.tensor([IDS])).logits[0, -1], atol=1e-4)


def test_a_plain_model_is_packed_and_its_weights_are_laid_out(model: Any) -> None:
    original = copy.deepcopy(model)
    forward = choose_forward(model)
    assert isinstance(forward, PackedForward)
    assert linears(model) == {LaidOutLinear}
    assert gives_the_logits_of(forward, original)


def rounding(model: Any, kind: str) -> Any:
    """Return a copy of the model whose layers round their inputs."""
    changed = copy.deepcopy(model)
    for name, module in list(changed.named_modules()):
        if type(module) is torch.nn.Linear:
            changed.set_submodule(name, RoundedInputLinear(module, kind))
    return changed


@pytest.mark.parametrize("kind", ["int", "float"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_model_that_rounds_its_inputs_is_packed_never_fused_and_goes_on_rounding(kind: str, bias: bool):
    plain = tiny_models.tiny_model(attention_bias=bias)
    rounded = rounding(plain, kind)
    original = copy.deepcopy(rounded)
    forward = choose_forward(rounded)
    assert isinstance(forward, PackedForward)
    assert linears(rounded) == {LaidOutLinear}
    with torch.inference_mode():
        logits = forward.step([(forward.new_sequence(), IDS)])[0]
        expected, exact = (each(torch.tensor([IDS])).logits[0, -1] for each in (original, plain))
    assert torch.linalg.vector_norm(logits - expected) < torch.linalg.vector_norm(logits - exact) / 2


def test_inputs_are_rounded_again_after_an_error(model: Any):
    changed = rounding(model, "int")
    with pytest.raises(ZeroDivisionError), unrounded_inputs(changed):
        _ = 1 / 0
    assert all(m.rounds for m in changed.modules() if isinstance(m, RoundedInputLinear))


def test_weights_are_laid_out_and_put_back_without_a_change(model: Any) -> None:
    inputs = torch.randn(2, 3, 32)
    layer = model.model.layers[0].self_attn.q_proj
    with torch.inference_mode():
        expected = layer(inputs)
        swaps = lay_out(model)
        torch.testing.assert_close(model.model.layers[0].self_attn.q_proj(inputs), expected)
    put_back(swaps)
    assert model.model.layers[0].self_attn.q_proj is layer
    assert linears(model) == {torch.nn.Linear}


def test_layers_that_compute_something_else_are_put_back(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = copy.deepcopy(model)
    monkeypatch.setattr(
        LaidOutLinear, "forward", lambda self, inputs: inputs.new_zeros(*inputs.shape[:-1], self.out_features)
    )
    forward = choose_forward(model)
    assert linears(model) == {torch.nn.Linear}
    assert gives_the_logits_of(forward, original)


def test_a_torch_without_these_kernels_leaves_the_layers_as_they_are(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def gone(self: Any, linear: Any) -> None:
        torch.nn.Module.__init__(self)
        made.append(linear)
        if len(made) > 3:
            raise AttributeError("no such kernel")

    monkeypatch.setattr(hf_linear.LaidOutLinear, "__init__", gone)
    assert lay_out(model) == []
    assert linears(model) == {torch.nn.Linear}


def test_attention_that_computes_something_else_is_not_used(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = copy.deepcopy(model)
    monkeypatch.setattr(hf_packed._Piece, "mask", lambda *_: None)  # every token sees every other
    forward = choose_forward(model)
    assert isinstance(forward, StockForward)
    assert model.config._attn_implementation != ATTENTION
    assert gives_the_logits_of(forward, original)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_a_cache_of_few_bits_gives_the_logits_of_transformers_own_cache_rounded(bits: int) -> None:
    """Also where it is filled chunk by chunk, cut back and copied, beside another sequence."""
    original = tiny_models.tiny_model()
    forward = rounding_forward(copy.deepcopy(original), bits)
    sequence = forward.new_sequence()
    with torch.inference_mode():
        forward.step([(forward.new_sequence(), IDS[:2]), (sequence, [*IDS[:3], 7])])
        sequence.crop(3)
        found = forward.step([(sequence.copy(3), IDS[3:]), (forward.new_sequence(), IDS[:5])])[0]
        cache = rounded_cache(original.config, bits)
        expected = original(torch.tensor([IDS]), past_key_values=cache).logits[0, -1]
        unrounded = original(torch.tensor([IDS])).logits[0, -1]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, unrounded, atol=1e-4)


def test_attention_that_is_not_plain_has_no_cache_to_round(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf_packed._Piece, "mask", lambda *_: None)
    with pytest.raises(EngineError, match="can't be rounded") as caught:
        rounding_forward(model, 4)
    assert "kv_bits" in caught.value.next_step


def test_positions_that_stretch_with_the_length_are_left_to_transformers() -> None:
    stretching = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    forward = choose_forward(tiny_models.tiny_model(rope_parameters=stretching))
    assert isinstance(forward, StockForward)


def test_a_model_that_does_not_run_is_an_error_in_one_sentence(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "forward", lambda **_: 1 / 0)
    with pytest.raises(EngineError, match="The model can't be run: ZeroDivisionError"):
        choose_forward(model)
