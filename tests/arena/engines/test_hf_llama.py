"""The fused step of a Llama: the model's own logits, whichever threads compute them, or it is not used."""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines import hf_llama
from arena.engines.hf_forward import choose_forward
from arena.engines.hf_llama import LlamaForward
from arena.engines.hf_packed import PackedForward

needs_16_bit_kernels = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="oneDNN has no 16-bit kernels for this CPU"
)
TEXTS = [[(start + 7 * i) % 251 for i in range(length)] for start, length in enumerate((30, 5, 17))]


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def read(forward: LlamaForward, sizes: tuple[int, ...] = (4, 1, 1, 9, 100)) -> torch.Tensor:
    """Read the texts side by side, so many tokens of each in a step; returns the last logits of each."""
    sequences = [forward.new_sequence() for _ in TEXTS]
    logits: dict[int, torch.Tensor] = {}
    with torch.inference_mode():
        for size in sizes:
            pieces = [text[len(s.tokens) :][:size] for text, s in zip(TEXTS, sequences, strict=True)]
            places = [place for place, piece in enumerate(pieces) if piece]
            read = forward.step([(sequences[place], pieces[place]) for place in places])
            logits |= dict(zip(places, read, strict=True))
    return torch.stack([logits[place] for place in range(len(TEXTS))])


def expected(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return torch.stack([model(torch.tensor([text])).logits[0, -1] for text in TEXTS])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tie_word_embeddings": True},
        {"num_key_value_heads": 4},
        {"head_dim": 12},
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}},
        {"rms_norm_eps": 0.5},
    ],
    ids=str,
)
def test_a_fused_llama_has_the_logits_of_the_model(settings: dict[str, Any]) -> None:
    model = tiny_models.tiny_model(**settings)
    original = copy.deepcopy(model)
    forward = choose_forward(model)
    assert isinstance(forward, LlamaForward)
    torch.testing.assert_close(read(forward), expected(original), atol=1e-5, rtol=1e-4)


@needs_16_bit_kernels
def test_in_16_bits_it_is_as_near_to_the_exact_logits_as_the_model_itself() -> None:
    exact = tiny_models.tiny_model(num_hidden_layers=4)
    for parameter in exact.parameters():  # numbers that 16 bits hold exactly
        parameter.data = parameter.data.bfloat16().float()
    short = copy.deepcopy(exact).bfloat16()
    forward = choose_forward(copy.deepcopy(short))
    assert isinstance(forward, LlamaForward)
    own_error = (expected(short).float() - expected(exact)).norm()
    assert (read(forward).float() - expected(exact)).norm() < 1.2 * own_error


def test_a_second_thread_changes_nothing() -> None:
    forward = choose_forward(tiny_models.tiny_model())
    assert isinstance(forward, LlamaForward)
    here, there = forward._shares([(forward.new_sequence(), text) for text in TEXTS])
    assert (here, there) == ([0], [2, 1])
    divided = read(forward)
    forward._divides = False
    torch.testing.assert_close(read(forward), divided, atol=1e-6, rtol=1e-5)
    assert torch.get_num_threads() == 2


def test_without_torchscript_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.tiny_model()
    monkeypatch.setattr(torch.jit, "script", lambda function: 1 / 0)
    forward = choose_forward(copy.deepcopy(model))
    assert isinstance(forward, LlamaForward)
    assert forward._run is hf_llama._run
    torch.testing.assert_close(read(forward), expected(model), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [{"attention_bias": True}, {"mlp_bias": True}, {"hidden_act": "gelu"}, {"model_type": "mistral"}],
    ids=str,
)
def test_a_model_that_is_not_a_plain_llama_is_left_to_transformers(settings: dict[str, Any]) -> None:
    assert isinstance(choose_forward(tiny_models.tiny_model(**settings)), PackedForward)


def test_a_layer_whose_forward_was_replaced_is_not_fused() -> None:
    model = tiny_models.tiny_model()
    layer = model.model.layers[0].mlp.down_proj
    plain = layer.forward
    layer.forward = lambda inputs: plain(inputs.round(decimals=2))  # as quantized activations do
    assert not hf_llama.can_be_fused(model)


def test_a_fused_step_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.tiny_model()
    original = copy.deepcopy(model)
    monkeypatch.setattr(hf_llama, "_mask", lambda past, count: torch.zeros(count, past + count))
    forward = choose_forward(model)
    assert isinstance(forward, PackedForward)
    assert torch.allclose(read(forward), expected(original), atol=1e-4)  # type: ignore[arg-type]


def test_where_the_cpu_lacks_the_kernels_it_is_not_fused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_models.tiny_model().bfloat16()
    original = copy.deepcopy(model)

    def no_kernels(weights: Any) -> torch.Tensor:
        raise RuntimeError("mkldnn_reorder_linear_weight: bf16 path needs the cpu support avx512bw")

    monkeypatch.setattr(hf_llama, "_laid_out", no_kernels)
    forward = choose_forward(model)
    assert isinstance(forward, PackedForward)
    logits = expected(original).float()
    assert (read(forward).float() - logits).norm() < 0.05 * logits.norm()  # type: ignore[arg-type]


@pytest.mark.parametrize("thread", ["here", "there"])
def test_a_step_that_failed_can_be_taken_again(thread: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = choose_forward(tiny_models.tiny_model())
    assert isinstance(forward, LlamaForward)
    work = [(forward.new_sequence(), text) for text in TEXTS]
    run, failing = forward._run, len(TEXTS[0]) if thread == "here" else len(TEXTS[1]) + len(TEXTS[2])

    def fails(hidden: torch.Tensor, *rest: Any) -> torch.Tensor:
        if len(hidden) == failing:
            raise MemoryError
        return run(hidden, *rest)

    monkeypatch.setattr(forward, "_run", fails)
    with torch.inference_mode():
        with pytest.raises(MemoryError):
            forward.step(work)
        assert not any(sequence.tokens for sequence, _ in work)
        monkeypatch.setattr(forward, "_run", run)
        again = forward.step(work)
    torch.testing.assert_close(again, read(forward), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.bfloat16, marks=needs_16_bit_kernels)])
def test_the_cache_has_the_size_that_is_planned_for_it(dtype: torch.dtype) -> None:
    forward = choose_forward(tiny_models.tiny_model().to(dtype))
    assert isinstance(forward, LlamaForward)
    sequence = forward.new_sequence()
    with torch.inference_mode():
        forward.step([(sequence, TEXTS[0])])
    config = tiny_models.tiny_model().config
    head = config.hidden_size // config.num_attention_heads
    assert (
        forward.bytes_per_token
        == 2 * dtype.itemsize * config.num_hidden_layers * config.num_key_value_heads * head
    )
    assert sequence.size_bytes == forward.bytes_per_token * sequence.capacity
