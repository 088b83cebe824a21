"""AWQ and SmoothQuant scale what a layer sees and undo it in its weights: that may not change the model.

It does where something else sees the scaled values, too. llm-compressor tells by names which layers a norm
feeds, and by the names of Llama where it does not know an architecture; so what comes out is compared with
what went in, before anything is rounded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from compress.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

Mapping = tuple[list[str], str]
"""The layers that have to make up for the scaling, and the norm that feeds them and nothing else."""

_INTO_ATTENTION: Mapping = (["re:.*q_proj", "re:.*k_proj", "re:.*v_proj"], "re:.*input_layernorm")
_FOUR_NORMS: list[Mapping] = [
    _INTO_ATTENTION,
    # post_attention_layernorm, which version 0.14 takes, is added to the residual here
    (["re:.*gate_proj", "re:.*up_proj"], "re:.*pre_feedforward_layernorm"),
]
_SMOOTHED: dict[str, list[Mapping]] = {
    "Gemma2ForCausalLM": _FOUR_NORMS,
    "Gemma3ForCausalLM": _FOUR_NORMS,
    "Gemma3ForConditionalGeneration": _FOUR_NORMS,
    # attention and perceptron stand side by side, behind one norm
    "PhiForCausalLM": [([*_INTO_ATTENTION[0], "re:.*fc1"], _INTO_ATTENTION[1])],
}
_TOKENS = 64
_MOST_CHANGE = {"float32": 0.02}
_MOST_CHANGE_OF_16_BITS = 0.1
"""Relative change of the outputs that rounding in the type of the model explains; wrong scaling gives 1."""


def smoothed_layers(model: Any) -> list[Mapping] | None:
    """Return SmoothQuant's mappings for a model whose own in llm-compressor are wrong; None for others."""
    return _SMOOTHED.get(type(model).__name__)


@contextmanager
def unchanged(model: Any, tokens: "Tensor", method: str) -> Iterator[None]:
    """Compare what a model computes before and after the block of code, in which `method` scales it.

    `tokens` [texts, tokens] are ids; the beginning of the first text is looked at. Raises `CheckpointError`
    where the outputs differ by more than the rounding of numbers explains.
    """
    before = _outputs(model, tokens)
    yield
    # a number that is not finite is a change, too
    change = float((_outputs(model, tokens) - before).norm() / before.norm())
    kind = str(model.dtype).removeprefix("torch.")
    if not change <= _MOST_CHANGE.get(kind, _MOST_CHANGE_OF_16_BITS):
        raise CheckpointError(
            f"Scaling for {method} would break this model: llm-compressor does not know what feeds what in "
            f"{type(model).__name__}, whose outputs change by {change:.0%} before anything is rounded.",
            "Use a recipe that scales nothing, such as gptq-w8, gptq-w4g128 or fp8.",
        )


def _outputs(model: Any, tokens: "Tensor") -> "Tensor":
    """Return a model's logits [tokens, words] without rounding, in float32 on the CPU."""
    import torch
    from compressed_tensors.quantization import disable_quantization
    from compressed_tensors.utils import get_execution_device

    for module in model.modules():
        if hasattr(module, "quantization_scheme"):
            disable_quantization(module)
    with torch.inference_mode():
        text = tokens[:1, :_TOKENS].to(get_execution_device(model))
        return model(input_ids=text, use_cache=False).logits[0].float().cpu()
