"""Running a model block by block, with the weights of one block in memory at a time.

A causal language model in transformers is embeddings, a list of like blocks, and an output layer. Here only
the embeddings and one block are ever loaded: texts go through a block together, then through the next.
"""

import ctypes
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from compress.architecture import Architecture
from compress.errors import CompressError, NotInBlocksError, first_line

Read = Callable[[str], Tensor]
"""Gives a tensor of the model by its name."""


_ROWS_AT_A_TIME = 2048
"""How many tokens go through a block at a time: that bounds the memory for what happens inside it."""


@dataclass(frozen=True)
class Block:
    """A block of the model: `name` is its prefix (`model.layers.3`), `linears` its layers by full name.

    `settings` is what the model passes to it besides the hidden states.
    """

    name: str
    module: nn.Module
    linears: Mapping[str, nn.Linear]
    settings: Mapping[str, Any]

    def load(self, read: Read, dtype: torch.dtype = torch.float32) -> None:
        """Bring the block's weights into memory; `dtype` is that of the hidden states that it will see."""
        for name, _ in list(self.module.named_parameters()):
            _set(self.module, name, read(f"{self.name}.{name}").to(device(), dtype))

    def unload(self) -> None:
        """Give the memory back."""
        for name, parameter in list(self.module.named_parameters()):
            _set(self.module, name, torch.empty_like(parameter, device="meta"))
        _trim_heap()

    @torch.inference_mode()
    def watch(self, hidden: Tensor, see: Callable[[str, Tensor], None]) -> None:
        """Call `see(layer, inputs [rows, in])` for each of the block's linear layers; each is called once.

        The block runs until the last of them has been called: what that one computes is not needed.
        """
        left: set[str] = set()

        def show(name: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            see(name, inputs[0].flatten(0, -2))
            left.discard(name)
            if not left:
                raise _AllSeen

        hooks = [
            linear.register_forward_pre_hook(partial(show, name)) for name, linear in self.linears.items()
        ]
        try:
            for texts in self._portions(hidden):
                left.update(self.linears)
                with suppress(_AllSeen):
                    self._output(texts)
        finally:
            for hook in hooks:
                hook.remove()

    @torch.inference_mode()
    def advance(self, hidden: Tensor) -> None:
        """Replace hidden states [texts, tokens, hidden size] by what the block makes of them.

        Raises `NotInBlocksError` where it can't be run, as `watch` does.
        """
        for texts in self._portions(hidden):
            texts.copy_(self._output(texts))

    def _portions(self, hidden: Tensor) -> Sequence[Tensor]:
        """Return hidden states by as many texts as go through the block at a time."""
        # Bloom's distances are made for each head of each text, so that they fit no other number of texts
        fixed = any(
            isinstance(each, Tensor) and each.ndim > 2 and each.shape[0] > 1
            for each in self.settings.values()
        )
        return hidden.split(1 if fixed else max(1, _ROWS_AT_A_TIME // hidden.shape[1]))

    def _output(self, hidden: Tensor) -> Tensor:
        try:
            output = self.module(hidden, **self.settings)
        except (_AllSeen, CompressError):
            raise
        except Exception as error:  # what a block of another kind makes of this
            raise _not_in_blocks(error) from error
        return output[0] if isinstance(output, tuple) else output


def device() -> torch.device:
    """Return where blocks are run: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_type(stored: torch.dtype) -> torch.dtype:
    """Return the type to run a model in where float32 is not needed: bfloat16 if it is stored in it.

    That takes half the time, but only where the processor multiplies it itself; elsewhere it is slower.
    """
    if stored != torch.bfloat16:
        return torch.float32
    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    does = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)
    return torch.bfloat16 if does() else torch.float32


def enter(
    architecture: Architecture, read: Read, tokens: Tensor, dtype: torch.dtype = torch.float32
) -> tuple[list[Block], Tensor]:
    """Return the blocks of a model and the hidden states [texts, tokens, hidden size] that enter the first.

    `tokens` [texts, tokens] are token ids; hidden states are of type `dtype`. Blocks run only on hidden
    states of so many tokens. Raises `NotInBlocksError` where the model is not made of blocks.
    """
    model = architecture.skeleton
    prefix, blocks = _block_list(architecture)
    around = [
        name
        for name, _ in model.named_parameters()
        if name.startswith(f"{model.base_model_prefix}.") and not name.startswith(f"{prefix}.")
    ]
    for name in around:
        _set(model, name, read(name).to(device(), dtype))
    _move_buffers(model)
    model.eval()
    stand_ins = [_StandIn(block) for block in blocks]
    for index, stand_in in enumerate(stand_ins):
        blocks[index] = stand_in
    try:
        hidden = _entering(model, stand_ins, tokens)
    finally:
        for index, stand_in in enumerate(stand_ins):
            blocks[index] = stand_in.block
        for name in around:
            _set(model, name, torch.empty_like(model.get_parameter(name), device="meta"))
    made = [
        Block(f"{prefix}.{index}", each.block, _linears(architecture, f"{prefix}.{index}"), each.settings)
        for index, each in enumerate(stand_ins)
    ]
    return made, hidden


def _entering(model: Any, stand_ins: "Sequence[_StandIn]", tokens: Tensor) -> Tensor:
    """Return the hidden states that enter the first block; the stand-ins have seen their settings then.

    Some models want a tensor from each block, others a tuple: what fits is found by trying.
    """
    failed: list[Exception] = []
    for in_tuples in (False, True):
        for stand_in in stand_ins:
            stand_in.in_tuples = in_tuples
        try:
            with torch.inference_mode():
                return torch.cat([_entering_one(model, stand_ins, text) for text in tokens.split(1)])
        except Exception as error:  # noqa: BLE001 - a model that is not made of blocks, in any way
            failed.append(error)
    raise _not_in_blocks(failed[0]) from failed[0]


def _entering_one(model: Any, stand_ins: "Sequence[_StandIn]", text: Tensor) -> Tensor:
    model.base_model(input_ids=text.to(device()), use_cache=False)
    hidden: Tensor = stand_ins[0].hidden
    if any(getattr(each.hidden, "shape", None) != hidden.shape for each in stand_ins):
        raise ValueError("its blocks do not hand hidden states on to each other")
    return hidden


def _not_in_blocks(error: Exception) -> NotInBlocksError:
    return NotInBlocksError(
        f"The model can't be run block by block: {type(error).__name__}: {first_line(error)}."
    )


def block_names(architecture: Architecture) -> list[str]:
    """Return the names of a model's blocks in their order. Raises `NotInBlocksError` where it has none."""
    prefix, blocks = _block_list(architecture)
    return [f"{prefix}.{index}" for index in range(len(blocks))]


class _AllSeen(Exception):
    """All linear layers of a block have been called."""


class _StandIn(nn.Module):
    """Stands where a block was: keeps what it is called with, and passes the hidden states on."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.__dict__["block"] = block  # not as a submodule: its weights are not there
        self.hidden: Any = None
        self.settings: dict[str, Any] = {}
        self.in_tuples = False

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["block"], name)

    def forward(self, hidden: Tensor, *given: Any, **settings: Any) -> Any:
        _, *names = inspect.signature(self.block.forward).parameters
        self.hidden, self.settings = hidden, dict(zip(names, given, strict=False)) | settings
        return (hidden,) if self.in_tuples else hidden


def _block_list(architecture: Architecture) -> tuple[str, nn.ModuleList]:
    """Return the list of blocks: the module list with the most linear layers in it."""
    lists = {
        name: sum(each.startswith(f"{name}.") for each in architecture.linears)
        for name, module in architecture.skeleton.named_modules()
        if isinstance(module, nn.ModuleList)
    }
    name = max(lists, key=lambda each: (lists[each], -len(each)), default="")
    if not name or not lists[name]:
        raise NotInBlocksError("The model has no list of blocks that could be run one after another.")
    return name, architecture.skeleton.get_submodule(name)


def _linears(architecture: Architecture, block: str) -> dict[str, nn.Linear]:
    inside = [name for name in architecture.linears if name.startswith(f"{block}.")]
    return {name: architecture.skeleton.get_submodule(name) for name in inside}


def _move_buffers(model: nn.Module) -> None:
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = buffer.to(device())


def _trim_heap() -> None:
    """Give freed memory back to the system. glibc keeps it in pieces: without this, 15 MB more a block."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim:  # other C libraries have no such function
        trim(0)


def _set(module: nn.Module, name: str, value: Tensor) -> None:
    """Put a tensor in the place of a parameter."""
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, nn.Parameter(value, requires_grad=False))
