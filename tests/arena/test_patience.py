"""Environments' calls: threads are used again, and one that never comes back is left behind."""

import asyncio
import os
import threading
import time

import pytest

from arena.patience import within
from envs.errors import EnvironmentCrashed


async def _thread(hold_s: float = 0.0) -> int:
    def call() -> int:
        time.sleep(hold_s)
        return threading.get_ident()

    return await within(10, call)


def test_calls_one_after_another_share_a_thread_and_calls_at_once_do_not():
    async def play() -> tuple[set[int], set[int]]:
        in_order = set()
        for _ in range(20):
            in_order.add(await _thread())
            await asyncio.sleep(0.001)  # a thread is free again just after its answer arrives
        at_once = set(await asyncio.gather(*(_thread(0.2) for _ in range(5))))
        return in_order, at_once

    in_order, at_once = asyncio.run(play())
    assert len(in_order) < 5
    assert len(at_once) == 5
    assert threading.get_ident() not in in_order | at_once


def test_a_call_that_hangs_keeps_its_thread_and_no_other_call_waits_for_it():
    release = threading.Event()

    async def play() -> float:
        with pytest.raises(EnvironmentCrashed, match=r"no answer in 0\.05 s"):
            await within(0.05, release.wait, 30)
        began = time.monotonic()
        await asyncio.gather(*(_thread() for _ in range(20)))
        return time.monotonic() - began

    try:
        assert asyncio.run(play()) < 10
    finally:
        release.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_threads_of_its_own():
    asyncio.run(_thread())
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if asyncio.run(_thread()) else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
