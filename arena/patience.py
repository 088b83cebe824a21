"""Waiting for what may never answer: an environment's call, in a thread that can be left behind."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from envs.errors import EnvironmentCrashed

T = TypeVar("T")

STEP_TIMEOUT_S = 300.0
"""How long an environment may take for one call; the slowest (a JVM starts on a busy machine) take 30."""

_idle: list["SimpleQueue[Callable[[], None]]"] = []
"""Inboxes of threads that have nothing to do: to start one costs more than a small environment's turn."""
os.register_at_fork(after_in_child=_idle.clear)  # threads don't come along


async def within(limit_s: float, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what a blocking call returns, made in a thread that does nothing else meanwhile.

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

    _hand_over(work)
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        if answer.done() and not answer.cancelled():  # the call's own
            raise
        raise EnvironmentCrashed(f"the environment gave no answer in {limit_s:g} s") from None


def _hand_over(work: Callable[[], None]) -> None:
    try:
        inbox = _idle.pop()
    except IndexError:
        inbox = SimpleQueue()
        threading.Thread(target=_serve, args=(inbox,), daemon=True, name="arena-env").start()
    inbox.put(work)


def _serve(inbox: "SimpleQueue[Callable[[], None]]") -> None:
    while True:
        inbox.get()()
        _idle.append(inbox)
