"""`arena serve` for real: a contestant that plays, and an end that leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "arena/engines"))

from asking import request

from arena.engines.registry import make_engine
from arena.errors import EngineError

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800)]


TOOLS = ({"type": "function", "function": {"name": "stop"}},)


async def ask(contestant: str, **options: str) -> tuple[str, int | None]:
    engine = make_engine(contestant, options)
    asked = replace(request("What is the capital of France?", max_tokens=24), tools=TOOLS)
    try:
        await engine.start()
        (reply,) = await engine.complete([asked])
        return reply.text, engine.context_tokens
    finally:
        await engine.close()


def test_a_served_model_is_a_contestant_until_ctrl_c() -> None:
    model = os.environ.get("ARENA_SMOLLM2", "smollm2")
    command = [sys.executable, "-m", "arena", "serve", model, "--port", "0"]
    server = subprocess.Popen(
        [*command, "--", "--enforce-eager", "--max-model-len", "1024"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    contestant = server.stdout.readline().strip()
    assert contestant.startswith("openai:http://127.0.0.1:")
    text, window = asyncio.run(ask(contestant))
    call, _ = asyncio.run(ask(contestant, constrained="json-schema"))
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0
    assert "Paris" in text
    assert call == '{"name":"stop","arguments":{}}'
    assert window == 1024
    with pytest.raises(EngineError, match="no server answers"):
        asyncio.run(ask(contestant))
