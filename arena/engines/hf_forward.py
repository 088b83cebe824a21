"""Ways to run a model over many sequences, and how the way for a model is found: by trying.

`PackedForward` is fast, but some models can't be run so: state-space layers mix the neighbours in a row, and
some attention functions do more than softmax(QK)V. `choose_forward` compares logits on the loaded model;
where they differ, `StockForward` runs the sequences one after another with transformers' own caches. Such a
cache can't be cut back, so it serves the next turn only where that goes on from all that it holds.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from arena.engines.hf_linear import lay_out, put_back, unrounded_inputs
from arena.engines.hf_llama import LlamaForward, LlamaSequence, can_be_fused
from arena.engines.hf_packed import ATTENTION, PackedForward, PackedSequence
from arena.errors import EngineError

_ROPES_BY_LENGTH = {"dynamic", "longrope"}
_LAYERS = {"full_attention", "sliding_attention"}
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
_TOLERANCE_16_BIT = 5e-2


class KeptSequence(Protocol):
    """The tokens that a model has read of one conversation, and what it keeps of them."""

    tokens: list[int]

    def crop(self, length: int) -> None:
        """Forget the tokens from `length` on; all of them where less is not possible."""

    def copy(self, length: int) -> "KeptSequence":
        """Return another sequence of the first `length` tokens (only where `reuses_prefixes`)."""

    @property
    def size_bytes(self) -> int:
        """Memory of the cache."""


class Forward(Protocol):
    """A way to run a model. `reuses_prefixes`: a cache can be cut back to any length, and copied."""

    reuses_prefixes: ClassVar[bool]
    bytes_per_token: float

    def new_sequence(self) -> KeptSequence:
        """Return an empty sequence."""

    def step(self, work: Sequence[tuple[Any, Sequence[int]]], wanted: Sequence[int] | None = None) -> Tensor:
        """Read new tokens: for each pair (sequence, new token ids) append the tokens to the sequence.

        Returns logits [sum of `wanted`, vocabulary] after the last so many new tokens of each, one where
        nothing is said. More than one only where `reuses_prefixes`.
        """


class StockSequence:
    """A sequence in the cache that transformers makes for the model; it can only grow."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.cache: Any = None

    @property
    def size_bytes(self) -> int:
        """Memory of the cache."""
        parts = [part for layer in getattr(self.cache, "layers", ()) for part in vars(layer).values()]
        parts += [inner for part in parts if isinstance(part, dict) for inner in part.values()]
        return sum(part.nbytes for part in parts if isinstance(part, Tensor))

    def crop(self, length: int) -> None:
        """Forget everything, unless nothing is to be forgotten."""
        if length < len(self.tokens) or length == 0:
            self.tokens, self.cache = [], None

    def copy(self, length: int) -> "StockSequence":
        """Not possible."""
        raise NotImplementedError


class StockForward:
    """Runs a model over one sequence after another: slow, but for any model."""

    reuses_prefixes: ClassVar[bool] = False

    def __init__(self, model: Any) -> None:
        self.model = model
        self.bytes_per_token = 0.0
        self._cache_name = "past_key_values"

    def new_sequence(self) -> StockSequence:
        """Return an empty sequence."""
        return StockSequence()

    def step(
        self, work: Sequence[tuple[StockSequence, Sequence[int]]], wanted: Sequence[int] | None = None
    ) -> Tensor:
        """Read new tokens; see `Forward`. After a step that failed all its sequences are empty."""
        try:
            return torch.stack([self._read(sequence, new) for sequence, new in work])
        except Exception:
            for sequence, _ in work:  # those already read have no logits to show for it, one cache is spoilt
                sequence.crop(0)
            raise

    def _read(self, sequence: StockSequence, new: Sequence[int]) -> Tensor:
        output = self.model(
            input_ids=torch.tensor([list(new)], device=self.model.device),
            use_cache=True,
            **({} if sequence.cache is None else {self._cache_name: sequence.cache}),
        )
        if self._cache_name not in output:  # state-space models without attention have their own word
            self._cache_name = "cache_params"
        sequence.tokens, sequence.cache = [*sequence.tokens, *new], output[self._cache_name]
        return output.logits[0, -1]


def rounding_forward(model: Any, kv_bits: int) -> PackedForward:
    """Return a way to run this model with keys and values rounded to `kv_bits`; changes the model to fit it.

    Raises `EngineError` where its attention is not plain enough, or it can't be run at all.
    """
    forward = choose_forward(model, may_be_fused=False)
    if not isinstance(forward, PackedForward):
        raise EngineError(
            "The model's keys and values can't be rounded: its attention is another than softmax(QK)V.",
            "Leave out the option kv_bits.",
        )
    forward.kv_bits = kv_bits
    return forward


def choose_forward(model: Any, *, may_be_fused: bool = True) -> LlamaForward | PackedForward | StockForward:
    """Return the fastest way to run this model that gives its own logits; changes the model to fit it.

    Raises `EngineError` where the model can't be run at all.
    """
    with unrounded_inputs(model):
        return _choose(model, may_be_fused=may_be_fused)


def _choose(model: Any, *, may_be_fused: bool) -> LlamaForward | PackedForward | StockForward:
    stock = StockForward(model)
    trial = [token % model.config.get_text_config(decoder=True).vocab_size for token in range(3, 22)]
    short = trial[:7]
    try:
        expected, whole = _read(stock, [trial])
        expected_short, part = _read(stock, [short])
    except Exception as error:
        raise EngineError(f"The model can't be run: {type(error).__name__}: {error}.") from error
    # what a state-space model keeps does not grow with the text, so only the growth is counted
    stock.bytes_per_token = (whole.size_bytes - part.size_bytes) / (len(trial) - len(short))

    may_be_packed = _may_be_packed(model)

    def fits(packed: LlamaForward | PackedForward) -> bool:
        # chunks that begin in mid-sequence, and two sequences in a row
        logits, sequence = _read(packed, [trial[:11], trial[11:18], trial[18:]], beside=short)
        logits_short, _ = _read(packed, [short[:6], short[6:]], beside=trial)
        packed.bytes_per_token = sequence.size_bytes / sequence.capacity
        return _agree(logits, expected) and _agree(logits_short, expected_short)

    if may_be_fused and may_be_packed and can_be_fused(model):
        with suppress(Exception):  # a torch or a transformers that it is not made for
            fused = LlamaForward(model)
            if fits(fused):
                return fused
    swaps = lay_out(model)
    try:
        logits, _ = _read(stock, [trial])
        is_same = _agree(logits, expected)
    except Exception:  # noqa: BLE001 - a model or a torch that is not made for it
        is_same = False
    if not is_same:
        put_back(swaps)
    if not may_be_packed:
        return stock
    before = model.config._attn_implementation  # transformers has no public way to ask
    packed = PackedForward(model)
    try:
        model.set_attn_implementation(ATTENTION)
        if fits(packed):
            return packed
    except Exception:  # noqa: BLE001, S110 - not a model for this way
        pass
    model.set_attn_implementation(before)
    return stock


def _may_be_packed(model: Any) -> bool:
    """Say no where a short trial would not show the difference: layers or positions that vary with length."""
    config = model.config.get_text_config(decoder=True)
    layer_types = set(getattr(config, "layer_types", None) or ())
    ropes = _values_of("rope_type", config.to_dict())
    supports = getattr(model, "_supports_attention_backend", False)
    return supports and layer_types <= _LAYERS and not ropes & _ROPES_BY_LENGTH


def _read(forward: Any, chunks: Sequence[Sequence[int]], beside: Sequence[int] = ()) -> tuple[Tensor, Any]:
    """Read a sequence chunk by chunk, each beside another one; returns the last logits and the sequence."""
    sequence: StockSequence | PackedSequence | LlamaSequence = forward.new_sequence()
    with torch.inference_mode():
        for chunk in chunks:
            work = [(forward.new_sequence(), beside), (sequence, chunk)] if beside else [(sequence, chunk)]
            logits = forward.step(work)[-1]
    return logits, sequence


def _agree(logits: Tensor, expected: Tensor) -> bool:
    error = torch.linalg.vector_norm(logits.double() - expected.double())
    size = torch.linalg.vector_norm(expected.double())
    return bool(error <= _TOLERANCE.get(expected.dtype, _TOLERANCE_16_BIT) * size)


def _values_of(key: str, settings: Any) -> set[str]:
    """Return all strings under `key` at any depth of nested dicts."""
    if not isinstance(settings, dict):
        return set()
    own = {settings[key]} if isinstance(settings.get(key), str) else set()
    return own.union(*(_values_of(key, inner) for inner in settings.values()))
