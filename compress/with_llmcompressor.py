"""GPTQ, AWQ, SmoothQuant and SparseGPT: computed by the vLLM project's llm-compressor, stored by us.

llm-compressor works on a model in memory and leaves rounded weights with their scales in its layers; from
there on everything is as with our own methods. https://github.com/vllm-project/llm-compressor
"""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from compress.direct import layer_on_grid
from compress.errors import CheckpointError, CompressError, first_line
from compress.plan import CompressionPlan, LayerPlan
from compress.recipe import Awq, Gptq, Recipe, SmoothQuant, SparseGpt
from compress.scaling import smoothed_layers, unchanged
from compress.scheme import quantization_config

if TYPE_CHECKING:
    from torch import Tensor

OnBlock = Callable[[str, int], None]
_TEXTS_AT_A_TIME = 4


def is_installed() -> bool:
    """Whether llm-compressor is installed; it is not imported."""
    return find_spec("llmcompressor") is not None


def check_installed() -> None:
    """Raise `CompressError` where llm-compressor is not installed."""
    if not is_installed():
        raise CompressError(
            "This recipe needs the package llmcompressor, which is not installed.",
            "`make compress` sets up a Python that has it; or use rtn, fp8, magnitude or wanda recipes.",
        )


def compressed_model(
    model: Any, plan: CompressionPlan, recipe: Recipe, tokens: "Tensor", on_block: OnBlock
) -> Iterator[tuple[str, dict[str, "Tensor"]]]:
    """Compress a transformers model in place; yields each layer's name and the tensors it is stored in.

    `tokens` [texts, tokens] are the calibration texts' ids; `on_block` hears what is done and to how
    many blocks of the model. Raises `CheckpointError` where llm-compressor fails, or would break the model.
    """
    with _silence():
        modifiers = _modifiers(plan, recipe, on_block)
        if isinstance(recipe, SmoothQuant):
            modifiers[0].mappings = smoothed_layers(model)
            with unchanged(model, tokens, "SmoothQuant"):
                _run(model, modifiers[:1], tokens)
            _run(model, modifiers[1:], tokens)
        elif isinstance(recipe, Awq):
            with unchanged(model, tokens, "AWQ"):
                _run(model, modifiers, tokens)
        else:
            _run(model, modifiers, tokens)
    for layer in plan.layers:
        module = model.get_submodule(layer.name)
        yield layer.name, _stored(layer, module, plan)


def _stored(layer: LayerPlan, module: Any, plan: CompressionPlan) -> dict[str, "Tensor"]:
    import torch

    from compress.rounding import Grid
    from compress.tensor_file import torch_type

    weight = module.weight.detach()
    if not bool(weight.isfinite().all()):
        raise CheckpointError(
            f"{layer.name} has weights that are not finite after compression.",
            "Give other calibration text, or set dampening higher.",
        )
    if layer.scheme is None:
        name = f"{layer.name}.weight"
        return {name: weight.to(torch_type(plan.slots[name].dtype))}
    slot = plan.slots[f"{layer.name}.weight_scale"]
    scale = module.weight_scale.detach().to(torch_type(slot.dtype)).reshape(slot.shape)
    zero = getattr(module, "weight_zero_point", None)
    zeros = torch.zeros(slot.shape, dtype=torch.int8) if zero is None else zero.detach().to(torch.int8)
    return layer_on_grid(layer, weight, Grid(layer.scheme.bits, scale, zeros.reshape(slot.shape)))


def _modifiers(plan: CompressionPlan, recipe: Recipe, on_block: OnBlock) -> list[Any]:
    from compressed_tensors.quantization import QuantizationScheme
    from llmcompressor.modifiers.gptq import GPTQModifier
    from llmcompressor.modifiers.pruning import SparseGPTModifier
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    from compress.tensor_file import torch_type

    chosen = [layer.name for layer in plan.layers]
    # an output layer that shares the embeddings' weights is among neither
    ignore = sorted({*plan.others, "lm_head"} - {*chosen})
    if isinstance(recipe, SparseGpt):
        pattern = recipe.keep_of
        return [
            _telling(SparseGPTModifier, "compressing", on_block)(
                sparsity=recipe.sparsity,
                mask_structure=f"{pattern[1] - pattern[0]}:{pattern[1]}" if pattern else "0:0",
                dampening_frac=recipe.dampening,
                block_size=recipe.block_size,
                # by name: of modules that match "Linear", version 0.14 prunes the ignored ones, too
                targets=chosen,
            )
        ]
    schemes = {layer.name: layer.scheme for layer in plan.layers if layer.scheme}
    groups = {
        name: QuantizationScheme.model_validate({k: v for k, v in group.items() if k != "format"})
        for name, group in quantization_config(schemes, [])["config_groups"].items()
    }
    scales = next(slot.dtype for name, slot in plan.slots.items() if name.endswith(".weight_scale"))
    for group in groups.values():
        # GPTQ makes up for what it rounds, so it has to round to the grid that will be stored
        group.weights.scale_dtype = torch_type(scales)
    if isinstance(recipe, Awq):
        awq = _telling(_awq(), "compressing", on_block)
        return [awq(), QuantizationModifier(config_groups=groups, ignore=ignore)]
    if isinstance(recipe, SmoothQuant):
        return [
            _telling(SmoothQuantModifier, "smoothing", on_block)(smoothing_strength=recipe.strength),
            _telling(GPTQModifier, "compressing", on_block)(config_groups=groups, ignore=ignore),
        ]
    assert isinstance(recipe, Gptq)
    return [
        _telling(GPTQModifier, "compressing", on_block)(
            config_groups=groups,
            ignore=ignore,
            dampening_frac=recipe.dampening,
            block_size=recipe.block_size,
        )
    ]


def _awq() -> Any:
    """Return AWQ that scales nothing for layers that all stay as they are: version 0.14 divides by zero."""
    from llmcompressor.modifiers.transform.awq import AWQModifier

    class OfRoundedLayers(AWQModifier):
        def _set_resolved_mappings(self, model: Any) -> None:
            super()._set_resolved_mappings(model)
            self._resolved_mappings: list[Any] = [
                mapping
                for mapping in self._resolved_mappings
                if any(hasattr(layer, "quantization_scheme") for layer in mapping.balance_layers)
            ]

    OfRoundedLayers.__name__ = AWQModifier.__name__
    return OfRoundedLayers


def _telling(kind: Any, stage: str, on_block: OnBlock) -> Any:
    """Return a kind of modifier that tells when a block is done; llm-compressor itself only draws bars."""
    done = 0

    class Telling(kind):
        def on_sequential_epoch_end(self, *given: Any, **named: Any) -> None:
            nonlocal done
            super().on_sequential_epoch_end(*given, **named)
            done += 1
            on_block(stage, done)

    Telling.__name__ = kind.__name__
    return Telling


def _run(model: Any, modifiers: list[Any], tokens: "Tensor") -> None:
    from llmcompressor import oneshot
    from llmcompressor.core import reset_session
    from torch.utils.data import DataLoader

    texts = DataLoader([{"input_ids": text} for text in tokens], batch_size=_TEXTS_AT_A_TIME)
    with _no_pinning():
        try:
            oneshot(model=model, dataset=texts, recipe=modifiers)
        except Exception as error:
            raise CheckpointError(
                f"llm-compressor can't compress this model: {type(error).__name__}: {first_line(error)}.",
                "Use rtn, fp8, magnitude or wanda recipes, which don't need it.",
            ) from error
        finally:
            reset_session()


@contextmanager
def _no_pinning() -> Iterator[None]:
    """Let AWQ run without a GPU: llm-compressor 0.14 pins memory for one that isn't there."""
    import torch
    from llmcompressor.pipelines.cache import IntermediatesCache

    before = IntermediatesCache.pin_memory
    if not torch.accelerator.is_available():
        IntermediatesCache.pin_memory = lambda *_, **__: None
    try:
        yield
    finally:
        IntermediatesCache.pin_memory = before


@contextmanager
def _silence() -> Iterator[None]:
    """Keep llm-compressor's bars, and its logs, which it writes on stdout, off the screen."""
    with redirect_stdout(sys.stderr):
        # importing it turns its logs on, and they go to what was stdout then; its own switch to turn them off
        # (LLM_COMPRESSOR_LOG_DISABLED) makes version 0.14 fail
        import llmcompressor  # noqa: F401
    from loguru import logger
    from tqdm import tqdm

    tracing = logging.getLogger("torch.fx._symbolic_trace")
    before, level = tqdm.__init__, tracing.level

    def invisible(self: Any, *given: Any, **named: Any) -> None:
        before(self, *given, **{**named, "disable": True})

    tqdm.__init__ = invisible
    tracing.setLevel(logging.ERROR)
    for package in ("llmcompressor", "compressed_tensors"):
        logger.disable(package)
    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        tqdm.__init__ = before
        tracing.setLevel(level)
