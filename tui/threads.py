"""Questions that a thread of its own answers, so that no screen waits for files or models."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(thread: ThreadPoolExecutor, answer: Callable[..., T], *asked: object) -> T:
    """Return what a function returns in a thread; raises what it raises.

    Where the thread has been given back, the screen that asks was left meanwhile: what it does is cancelled
    (`asyncio.CancelledError`).
    """
    try:
        answered = thread.submit(answer, *asked)
    except RuntimeError:
        raise asyncio.CancelledError from None
    return await asyncio.wrap_future(answered)
