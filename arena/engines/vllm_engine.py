"""The engine `vllm:`, a model served by vLLM inside this program: a folder, a GGUF file or a hub id.

vLLM runs the model in a process of its own, which ends with the engine and gives all its memory back; here,
prompts are written and replies are read, by the same rules as in the engine `hf:` (`hf_chat.py`). So the two
differ only in who computes.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from arena.engines.base import Capability, Completion, Engine, Message, Request, Style
from arena.engines.constrained import Constrained, check_installed, constraint_identity
from arena.engines.hf_chat import preferred_style, template_hash
from arena.engines.seeding import reply_seed
from arena.engines.vllm_reply import Reply
from arena.errors import EngineError, RefusedRequest

if TYPE_CHECKING:
    from arena.engines.hf_chat import Chat
    from arena.engines.vllm_process import Served
    from compress.checkpoint import Checkpoint


class VllmEngine(Engine):
    """A language model that vLLM computes, batched over all episodes, with its cache of common beginnings.

    `model` is what `hf:` takes; a GGUF file is unpacked to a folder first. `dtype` "auto" means what the
    checkpoint says. `max_model_len` (tokens) is the longest prompt plus reply, the model's own by default: a
    shorter one takes less memory. `tensor_parallel_size` is the number of GPUs that share the model,
    `gpu_memory_utilization` the share of their memory that vLLM takes. `enforce_eager` leaves out compiling
    the model: it starts sooner and writes slower. `tools` and `constrained` are as in `hf:`.

    Only a request's `Sampling` says how to decode. Greedy replies are those of `hf:` but for rounding: where
    two tokens have nearly the same probability, either may come first, and what follows is another text.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {"constrained", "logprobs", "seed", "stream", "tools"}
    )
    exclusive: ClassVar[bool] = True
    concurrency = 32

    def __init__(
        self,
        model: str,
        *,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        max_model_len: Annotated[int | None, Field(ge=16)] = None,
        tensor_parallel_size: Annotated[int, Field(ge=1)] = 1,
        gpu_memory_utilization: Annotated[float | None, Field(gt=0, le=1)] = None,
        enforce_eager: bool = False,
        trust_remote_code: bool = False,
        tools: Literal["prompt", "template"] = "prompt",
        constrained: Constrained | None = None,
    ) -> None:
        """Take note of the model; nothing is read. Raises `EngineError` where a package is missing."""
        if constrained:
            check_installed()
        self.constrained = constrained
        self._name = model
        self._wanted_dtype = dtype
        self._max_model_len = max_model_len
        self._trust_remote_code = trust_remote_code
        self._tools = tools
        self._settings = {
            "max_model_len": max_model_len,
            "tensor_parallel_size": tensor_parallel_size,
            "gpu_memory_utilization": gpu_memory_utilization,
            "enforce_eager": enforce_eager,
            "trust_remote_code": trust_remote_code,
        }
        self._chat: Chat | None = None
        self._served: Served | None = None
        self._numbers = itertools.count()

    def identity(self) -> Mapping[str, Any]:
        """Return hashes of weights, tokenizer and template, and the builds. Raises `EngineError`.

        Reads every byte of the weights the first time; the hash is then kept in the user's cache folder.
        """
        from arena.engines.vllm_machine import CPU_PACKAGE, build
        from arena.engines.vllm_problem import refuse_on_cpu

        checkpoint, installed = self._checkpoint, build()
        if installed.startswith(CPU_PACKAGE):  # told before a run, not in the middle of it
            refuse_on_cpu(self._name, checkpoint.quantization)
        return {
            "engine": "vllm",
            "build": f"{installed}, torch {version('torch')}, transformers {version('transformers')}",
            "weights": checkpoint.weights_hash,
            "tokenizer": checkpoint.tokenizer_hash,
            "template": template_hash(checkpoint.chat_template),
            "dtype": self._dtype,
            "quantization": checkpoint.quantization,
            "max_model_len": self._max_model_len,
            "tools": self._tools,
            **constraint_identity(self.constrained),
        }

    def size_bytes(self) -> int:
        """Return the size of the weight files. Raises `EngineError`."""
        return self._checkpoint.size_bytes

    def preferred_style(self) -> Style | None:
        """Return the style that `config.json` names under `arena`, where it does. Raises `EngineError`."""
        return preferred_style(self._checkpoint.config)

    async def start(self) -> None:
        """Start vLLM's process and wait until the model is loaded. Raises `EngineError`."""
        if not self._served:
            await asyncio.to_thread(self._load)

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one completion for each request, in order. Raises `EngineError`."""
        tasks = [asyncio.create_task(self._reply(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Return the length in tokens of the prompt as the model gets it; an estimate before `start`."""
        if not self._chat:
            return super().count_tokens(messages)
        return len(self._chat.encode(messages, tools if self._tools == "template" else ()))

    async def close(self) -> None:
        """End vLLM's process. Replies under way fail with `EngineError`."""
        served, self._served, self._chat = self._served, None, None
        if served:
            await asyncio.to_thread(served.close)

    @cached_property
    def _checkpoint(self) -> "Checkpoint":
        from arena.engines.hf_load import find_checkpoint

        return find_checkpoint(self._name, self._trust_remote_code)

    @property
    def _dtype(self) -> str:
        return self._checkpoint.dtype if self._wanted_dtype == "auto" else self._wanted_dtype

    def _load(self) -> None:
        from arena.engines.hf_chat import Chat
        from arena.engines.hf_tokenizer import load_tokenizer
        from arena.engines.vllm_process import serve_in_process

        loaded = load_tokenizer(self._checkpoint, name=self._name, trust_remote_code=self._trust_remote_code)
        chat = Chat(loaded.tokenizer)
        if self._tools == "template" and not chat.uses_tools:
            raise EngineError(
                f"The chat template of {self._name} takes no tools.", "Leave out the option tools=template."
            )
        self._served = serve_in_process(
            loaded.folder,
            name=self._name,
            stop_ids=loaded.stop_ids,
            checkpoint=self._checkpoint,
            settings={**self._settings, "dtype": self._dtype},
            constrained=self.constrained is not None,
        )
        self.context_tokens = self._served.context_tokens
        self._chat = chat

    async def _reply(self, request: Request) -> Completion:
        chat, served = self._chat, self._served
        if chat is None or served is None:
            raise EngineError(f"vllm:{self._name} is not started.")
        began = time.perf_counter()
        with_tools = self._tools == "template"
        prompt = await asyncio.to_thread(chat.prompt, request, with_tools=with_tools)
        room = served.context_tokens - len(prompt)
        if room < 1:
            raise RefusedRequest(
                f"A prompt of {len(prompt)} tokens does not fit: {self._name} takes {served.context_tokens}.",
                "Use a model with a longer context window, or fewer history items.",
            )
        reply = Reply(request, chat, served.stop_ids)
        pieces = served.generate(
            prompt,
            request.sampling,
            max_tokens=max(1, min(request.sampling.max_tokens, room)),
            seed=reply_seed(request),
            label=f"{request.session}|{next(self._numbers)}",
            tools=request.tools if self.constrained else (),
        )
        async with aclosing(pieces):  # leaving early takes the request out of the batch
            async for piece in pieces:
                if reply.add(piece):
                    break
        return reply.completion(prompt_tokens=len(prompt), began=began)
