"""`expert`: plays what the environment's own expert would."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from arena.engines.base import Completion, Engine, Request
from arena.errors import RefusedRequest

VERSION = 1
"""Raised when the same task would get other replies."""


class ExpertEngine(Engine):
    """Replies with the expert's action of each turn; with nothing after the last one."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the expert's replies. Raises `EngineError` where the benchmark has no expert."""
        return list(await asyncio.gather(*map(_reply, requests)))

    def identity(self) -> Mapping[str, Any]:
        """Return the engine's name and version: the expert itself belongs to the task."""
        return {"engine": "expert", "version": VERSION}


async def _reply(request: Request) -> Completion:
    began = time.perf_counter()
    try:
        # planning can take seconds
        text = await asyncio.to_thread(request.oracle.expert_reply, request.turn)
    except NotImplementedError:
        raise RefusedRequest(
            f"{request.task} has no expert", "`arena tasks` says which benchmarks have one"
        ) from None
    return Completion(text, "stop", latency_s=time.perf_counter() - began)
