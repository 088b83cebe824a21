"""`random`: plays any action that would take effect; the floor that an agent should stand above."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from arena.engines.base import Completion, Engine, Request
from arena.engines.seeding import reply_seed
from arena.errors import RefusedRequest

VERSION = 1
"""Raised when the same seed would choose other replies."""


class RandomEngine(Engine):
    """Replies with one of the valid actions, each as likely as the others; with nothing where there is none.

    The choice depends on the seed, the task, the repeat and the turn, never on what runs beside it.
    """

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one choice a request. Raises `EngineError` where the benchmark can't list valid actions."""
        return list(await asyncio.gather(*map(_reply, requests)))

    def identity(self) -> Mapping[str, Any]:
        """Return the engine's name and version."""
        return {"engine": "random", "version": VERSION}


async def _reply(request: Request) -> Completion:
    began = time.perf_counter()
    try:
        # a simulator may need a second to list them
        replies = await asyncio.to_thread(request.oracle.valid_replies)
    except NotImplementedError:
        raise RefusedRequest(
            f"{request.task} can't list its valid actions, so `random` can't play it"
        ) from None
    # sorted: the choice shall not depend on the order in which the environment happens to list them
    choices = sorted(set(replies))
    text = random.Random(reply_seed(request)).choice(choices) if choices else ""
    return Completion(text, "stop", latency_s=time.perf_counter() - began)
