"""Waiting for what may never answer: an environment's call, in a thread that can be left behind."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from envs.errors import EnvironmentCrashed

T = TypeVar("T")

STEP_TIMEOUT_S = 300.0
"""How long an environment may take for one call; the slowest (a JVM starts on a busy machine) take 30."""


async def within(limit_s: float, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what a blocking call returns, made in a thread of its own.

    Raises `EnvironmentCrashed` where it takes longer than `limit_s`. The thread then stays behind: a thread
    can't be ended from outside, but this one keeps neither the program nor its pools of threads waiting.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(result)

    def work() -> None:
        result, problem = None, None
        try:
            result = call(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            problem = error
        with contextlib.suppress(RuntimeError):  # the loop may be gone by now
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=work, daemon=True, name="arena-env").start()
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        if answer.done() and not answer.cancelled():  # the call's own
            raise
        raise EnvironmentCrashed(f"the environment gave no answer in {limit_s:g} s") from None
