"""The decode loop on tiny random models: what it writes, what it reads again, and how it fails."""

import copy
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines.base import Completion, Sampling
from arena.engines.hf_chat import Chat
from arena.engines.hf_forward import StockForward, choose_forward
from arena.engines.hf_llama import LlamaForward
from arena.engines.hf_loop import WORTH_SHARING_TOKENS, DecodeLoop, Job
from arena.engines.hf_packed import PackedForward
from arena.errors import EngineError

END = 256
WAIT_S = 60.0


class Bench:
    """A loop over a tiny model, and the requests that tests make of it."""

    def __init__(self, model: Any, **limits: Any) -> None:
        self.model = copy.deepcopy(model)  # as it was, for `generate`
        self.chat = Chat(tiny_models.byte_tokenizer())
        usual = {"chunk_tokens": 16, "context_tokens": 1024, "cache_bytes": 1e9, "stop_ids": frozenset({END})}
        self.loop = DecodeLoop(choose_forward(model), self.chat, **{**usual, **limits})
        self.steps: list[list[int]] = []  # for each step, how many tokens of each sequence it read
        self.gate = threading.Event()
        self.gate.set()
        self._step = self.loop._forward.step
        self.loop._forward.step = self._watched  # type: ignore[method-assign]

    def _watched(self, work: Any, wanted: Any) -> Any:
        assert self.gate.wait(WAIT_S)
        self.steps.append([len(new) for _, new in work])
        return self._step(work, wanted)

    def job(self, prompt: list[int], session: str = "s", **sampling: Any) -> Job:
        seed = sampling.pop("reply_seed", 0)
        on_text = sampling.pop("on_text", None)
        settings = Sampling(**{"max_tokens": 12, **sampling})
        return Job(prompt, settings, seed, session, settings.stop, on_text)

    def ask(self, prompt: list[int], session: str = "s", **sampling: Any) -> Completion:
        return self.loop.submit(self.job(prompt, session, **sampling)).result(WAIT_S)

    def ask_all(self, jobs: list[Job]) -> list[Completion]:
        """Ask for all at once: no step is taken before all are there."""
        self.gate.clear()
        futures = [self.loop.submit(job) for job in jobs]
        self.gate.set()
        return [future.result(WAIT_S) for future in futures]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # for models this small a second one only gets in the way
    yield
    torch.set_num_threads(before)


@pytest.fixture
def bench() -> Iterator[Any]:
    benches = []

    def make(model: Any = None, **limits: Any) -> Bench:
        benches.append(Bench(model or tiny_models.tiny_model(), **limits))
        return benches[-1]

    yield make
    for each in benches:
        each.gate.set()
        each.loop.close()


def prompt_of(length: int, start: int = 1) -> list[int]:
    return [(start + 7 * i) % 251 for i in range(length)]


def reference(model: Any, prompt: list[int], max_tokens: int = 12) -> list[int]:
    """What `generate` writes."""
    return tiny_models.greedy(model, prompt, max_tokens)


KINDS = {
    "llama": (LlamaForward, {}),
    "qwen3": (PackedForward, {"head_dim": 8}),
    "gpt2": (PackedForward, {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 1024}),
    "mistral": (PackedForward, {"head_dim": 8, "sliding_window": 8}),
    "gemma3_text": (
        PackedForward,
        {"head_dim": 8, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "gemma2": (StockForward, {"head_dim": 8, "sliding_window": 8}),
    "lfm2": (StockForward, {"layer_types": ["conv", "full_attention"]}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_batched_replies_over_several_turns_are_those_of_generate(bench: Any, kind: str) -> None:
    forward, settings = KINDS[kind]
    it = bench(tiny_models.tiny_model(kind, **settings))
    assert isinstance(it.loop._forward, forward)
    lengths = [5, 40, 17, 3]
    prompts = [prompt_of(length, start) for start, length in enumerate(lengths)]
    asked: list[tuple[list[int], tuple[int, ...]]] = []
    for _ in range(3):
        replies = it.ask_all([it.job(prompt, f"episode {i}") for i, prompt in enumerate(prompts)])
        asked += [(prompt, reply.token_ids) for prompt, reply in zip(prompts, replies, strict=True)]
        prompts = [
            [*prompt, *reply.token_ids, *prompt_of(9, turn)]
            for turn, (prompt, reply) in enumerate(zip(prompts, replies, strict=True))
        ]
    it.loop.close()
    for prompt, reply in asked:
        assert list(reply) == reference(it.model, prompt)


def looping_model() -> Any:
    """A model that mostly writes five tokens again and again, as agents do with the form of a call."""
    model = tiny_models.tiny_model()
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight.mul_(20)  # louder than the layers
        behind = torch.arange(len(embedding)).view(-1, 5).roll(-1, 1).flatten()
        model.lm_head.weight[behind] = embedding
    return model


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 1.0, "reply_seed": 3}, {"temperature": 0.3, "top_p": 0.9}]
)
def test_guesses_change_no_reply_and_save_steps(
    bench: Any, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [[*prompt_of(12, start), *prompt_of(12, start)] for start in range(3)]
    found, steps = [], []
    for most in (0, 64):
        monkeypatch.setattr("arena.engines.hf_loop.MOST_GUESSES", most)
        it = bench(looping_model(), stop_ids=frozenset())
        jobs = [it.job(p, f"{i}", max_tokens=60, top_logprobs=3, **settings) for i, p in enumerate(prompts)]
        replies = it.ask_all(jobs)
        found.append([reply.token_ids for reply in replies])
        steps.append(len(it.steps))
        for reply, prompt in zip(replies, prompts, strict=True):
            ids = torch.tensor([[*prompt, *reply.token_ids]])
            with torch.inference_mode():
                own = torch.log_softmax(it.model(ids).logits[0, len(prompt) - 1 : -1], dim=-1)
            for choice, expected in zip(reply.choices, own, strict=True):
                assert choice.logprob == pytest.approx(float(expected[choice.token_id]), abs=1e-4)
    assert found[0] == found[1]
    assert all(len(ids) == 60 for ids in found[1])
    if not settings:
        assert steps[1] < steps[0] / 2


def test_no_guess_goes_past_the_context_window(bench: Any) -> None:
    it = bench(
        tiny_models.tiny_model("gpt2", n_embd=32, n_head=4, n_layer=2, n_positions=64), context_tokens=64
    )
    reply = it.ask([5, 6] * 20, max_tokens=90)
    assert reply.completion_tokens == 24


def test_a_request_joins_while_others_are_being_written(bench: Any) -> None:
    it = bench()
    first = it.loop.submit(it.job(prompt_of(6, 3), "a", max_tokens=60))
    while len(it.steps) < 10:
        time.sleep(0.001)
    second = it.ask(prompt_of(30, 9), "b", max_tokens=5)
    assert any(1 in step and len(step) == 2 for step in it.steps)
    long_reply = first.result(WAIT_S)
    it.loop.close()
    assert list(second.token_ids) == reference(it.model, prompt_of(30, 9), 5)
    assert list(long_reply.token_ids) == reference(it.model, prompt_of(6, 3), 60)


def test_a_long_prompt_does_not_hold_up_a_short_one(bench: Any) -> None:
    it = bench(chunk_tokens=16)
    it.gate.clear()
    long = it.loop.submit(it.job(prompt_of(900, 1), "long", max_tokens=1))
    short = it.loop.submit(it.job(prompt_of(8, 2), "short", max_tokens=4))
    done_after = []
    short.add_done_callback(lambda _: done_after.append(len(it.steps)))
    it.gate.set()
    long.result(WAIT_S)
    assert max(map(sum, it.steps)) <= 16 + 1
    assert done_after[0] < 12 < len(it.steps)


def test_prompts_share_a_step_evenly_and_leave_to_longer_ones_what_they_do_not_need(bench: Any) -> None:
    it = bench(chunk_tokens=20)
    it.ask_all([it.job(prompt_of(length, i), f"{i}") for i, length in enumerate([40, 44, 4])])
    assert sorted(it.steps[0]) == [4, 8, 8]


def test_only_the_new_text_of_a_turn_is_read(bench: Any) -> None:
    it = bench()
    prompt = prompt_of(50)
    first = it.ask(prompt)
    assert (first.prompt_tokens, first.cached_tokens) == (50, 0)
    # the last token of the reply was chosen but not read
    longer = [*prompt, *first.token_ids, *prompt_of(10, 5)]
    second = it.ask(longer)
    assert second.cached_tokens == 50 + len(first.token_ids) - 1
    it.steps.clear()
    # a prompt that departs from what is kept: the rest is cut off and read anew
    changed = [*longer[:30], *prompt_of(20, 77)]
    third = it.ask(changed, max_tokens=4)
    assert third.cached_tokens == 30
    assert sum(map(sum, it.steps)) == 20 + 3
    it.loop.close()
    assert list(third.token_ids) == reference(it.model, changed, 4)


def test_a_prompt_that_is_kept_as_a_whole_is_read_from_its_last_token(bench: Any) -> None:
    it = bench()
    first, again = it.ask(prompt_of(20)), it.ask(prompt_of(20))
    assert again.cached_tokens == 19
    assert again.token_ids == first.token_ids


def test_what_can_not_be_cut_back_is_read_anew_unless_the_prompt_goes_on_from_it(bench: Any) -> None:
    it = bench(tiny_models.tiny_model("lfm2", layer_types=["conv", "full_attention"]))
    prompt = prompt_of(30)
    reply = it.ask(prompt)
    longer = [*prompt, *reply.token_ids, *prompt_of(5, 9)]
    assert it.ask(longer).cached_tokens == 30 + len(reply.token_ids) - 1
    changed = [*prompt[:20], *prompt_of(20, 99)]
    other = it.ask(changed)
    assert other.cached_tokens == 0
    it.loop.close()
    assert list(other.token_ids) == reference(it.model, changed)


def test_a_common_beginning_is_read_once_for_all_episodes(bench: Any) -> None:
    it = bench()
    rules = prompt_of(200)
    prompts = [[*rules, *prompt_of(10, i)] for i in range(4)]
    replies = it.ask_all([it.job(prompt, f"episode {i}") for i, prompt in enumerate(prompts)])
    read = sum(reply.prompt_tokens - reply.cached_tokens for reply in replies)
    assert read <= 210 + 3 * (10 + WORTH_SHARING_TOKENS)
    it.loop.close()
    for prompt, reply in zip(prompts, replies, strict=True):
        assert list(reply.token_ids) == reference(it.model, prompt)


def test_a_released_session_is_forgotten(bench: Any) -> None:
    it = bench()
    it.ask(prompt_of(50))
    assert it.loop.kept_bytes > 0
    it.loop.release("s")
    assert it.ask(prompt_of(50)).cached_tokens == 0


def test_a_session_released_in_mid_reply_keeps_nothing(bench: Any) -> None:
    it = bench()
    it.gate.clear()
    future = it.loop.submit(it.job(prompt_of(10)))
    it.loop.release("s")
    it.gate.set()
    future.result(WAIT_S)
    it.ask(prompt_of(3), "other", max_tokens=1)
    assert list(it.loop._idle) == ["other"]


def test_memory_stays_flat_over_thousands_of_sessions(bench: Any) -> None:
    limit = 64 * 1024
    it = bench(tiny_models.tiny_model(num_hidden_layers=1), cache_bytes=limit)
    most = 0
    for i in range(1500):
        it.ask(prompt_of(20, i), f"session {i}", max_tokens=1)
        most = max(most, it.loop.kept_bytes)
    assert 0 < most <= limit


def test_where_memory_is_short_the_longest_unused_session_goes_first(bench: Any) -> None:
    it = bench(cache_bytes=80 * 1024)
    for session in ("a", "b"):
        it.ask(prompt_of(80, ord(session)), session, max_tokens=1)
    it.ask([*prompt_of(80, ord("a")), 3], "a", max_tokens=1)
    it.ask(prompt_of(80, ord("c")), "c", max_tokens=1)
    assert list(it.loop._idle) == ["a", "c"]


def test_requests_wait_where_memory_is_short_and_all_are_answered(bench: Any) -> None:
    it = bench(cache_bytes=30 * 1024)
    replies = it.ask_all([it.job(prompt_of(60, i), f"{i}", max_tokens=4) for i in range(6)])
    assert max(map(len, it.steps)) == 1
    assert len(replies) == 6


def test_sampled_replies_do_not_depend_on_what_is_decoded_beside_them(bench: Any) -> None:
    it = bench()
    settings = {"temperature": 1.0, "top_p": 0.9}
    alone = it.ask(prompt_of(20), reply_seed=5, **settings)
    others = [it.job(prompt_of(9, i), f"o{i}", reply_seed=i, **settings) for i in range(5)]
    beside = it.ask_all([*others[:2], it.job(prompt_of(20), "t", reply_seed=5, **settings), *others[2:]])
    assert beside[2].token_ids == alone.token_ids
    assert it.ask(prompt_of(20), reply_seed=6, **settings).token_ids != alone.token_ids


def test_a_reply_ends_at_an_end_token_a_stop_string_or_the_limit(bench: Any) -> None:
    it = bench()
    whole = it.ask(prompt_of(20), max_tokens=30)
    assert whole.finish_reason == "length"
    assert len(whole.token_ids) == whole.completion_tokens == 30
    stop = next(c for c in whole.text[3:] if c.isascii())
    cut = it.ask(prompt_of(20), max_tokens=30, stop=(stop,))
    assert cut.finish_reason == "stop"
    assert cut.text == whole.text[: whole.text.index(stop)]
    it.loop._stop_ids = frozenset({END, whole.token_ids[7]})
    at = whole.token_ids.index(whole.token_ids[7])
    ended = it.ask(prompt_of(20), max_tokens=30)
    assert ended.finish_reason == "stop"
    assert ended.token_ids == whole.token_ids[: at + 1]


def test_a_reply_ends_with_the_context_window(bench: Any) -> None:
    reply = bench(context_tokens=25).ask(prompt_of(20), max_tokens=30)
    assert (reply.completion_tokens, reply.finish_reason) == (5, "length")


def test_streamed_pieces_are_the_text_and_hold_no_half_characters(bench: Any) -> None:
    it = bench()
    wanted = "Tür 日本 🎉 x"
    ids = it.chat.tokenizer(wanted, add_special_tokens=False).input_ids
    words = [*ids, *[END] * 50]

    def dictate(work: Any, wanted: list[int]) -> torch.Tensor:
        ((sequence, new),) = work
        sequence.tokens += new
        end = len(sequence.tokens)
        return torch.nn.functional.one_hot(torch.tensor(words[end - wanted[0] : end]), 320).float()

    it._step = dictate
    pieces: list[str] = []
    reply = it.ask([1], max_tokens=50, on_text=pieces.append)
    assert reply.text == "".join(pieces) == wanted
    assert len(pieces) > 5
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)


def test_log_probabilities_are_those_of_the_model(bench: Any) -> None:
    it = bench()
    prompt = prompt_of(20)
    reply = it.ask(prompt, max_tokens=3, top_logprobs=4)
    ids = torch.tensor([[*prompt, *reply.token_ids]])
    with torch.inference_mode():
        logprobs = torch.log_softmax(it.model(ids).logits[0, 19:-1], dim=-1)
    for choice, expected in zip(reply.choices, logprobs, strict=True):
        assert choice.logprob == pytest.approx(float(expected[choice.token_id]), abs=1e-4)
        assert list(choice.top) == expected.topk(4).indices.tolist()
        assert next(iter(choice.top)) == choice.token_id


def test_a_cancelled_request_leaves_the_batch(bench: Any) -> None:
    it = bench(stop_ids=frozenset())
    it.gate.clear()
    slowly = it.job(prompt_of(5, 1), "a", max_tokens=900, on_text=lambda _text: time.sleep(0.01))
    doomed = it.loop.submit(slowly)
    lasting = it.loop.submit(it.job(prompt_of(5, 2), "b", max_tokens=40))
    it.gate.set()
    while len(it.steps) < 5:
        time.sleep(0.001)
    assert doomed.cancel()
    lasting.result(WAIT_S)
    assert len(it.steps[-1]) == 1
    assert it.ask(prompt_of(4), "c", max_tokens=2).completion_tokens == 2


@pytest.mark.parametrize("kind", ["qwen3", "lfm2"])
def test_a_request_that_breaks_the_step_fails_alone(
    bench: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench(tiny_models.tiny_model(kind, **KINDS[kind][1]))
    embed = it.loop._forward.model.get_input_embeddings()
    read = embed.forward

    def reads_no_250(ids: torch.Tensor) -> torch.Tensor:
        if 250 in ids:
            raise ValueError("unreadable")
        return read(ids)

    monkeypatch.setattr(embed, "forward", reads_no_250)
    it.gate.clear()
    good = [it.loop.submit(it.job([1, 2, i], f"{i}")) for i in range(3)]
    bad = it.loop.submit(it.job([1, 250, 2], "bad"))
    it.gate.set()
    with pytest.raises(EngineError, match="ValueError: unreadable"):
        bad.result(WAIT_S)
    replies = [future.result(WAIT_S) for future in good]
    it.loop.close()
    monkeypatch.undo()
    for i, reply in enumerate(replies):
        assert list(reply.token_ids) == reference(it.model, [1, 2, i])


def test_where_memory_runs_out_the_batch_is_halved_and_goes_on(bench: Any) -> None:
    it = bench(chunk_tokens=64)
    step = it._step

    def cramped(work: Any, wanted: Any) -> Any:
        if sum(len(new) for _, new in work) > 12:
            raise torch.OutOfMemoryError("out of memory")
        return step(work, wanted)

    it._step = cramped
    replies = it.ask_all([it.job(prompt_of(40, i), f"{i}") for i in range(4)])
    it.loop.close()
    for i, reply in enumerate(replies):
        assert list(reply.token_ids) == reference(it.model, prompt_of(40, i))


def test_where_guesses_do_not_fit_a_reply_goes_on_without_them(bench: Any) -> None:
    it = bench(looping_model(), stop_ids=frozenset())
    step, prompt = it._step, prompt_of(20)
    refused = 0

    def cramped(work: Any, wanted: list[int]) -> Any:
        nonlocal refused
        if max(wanted) > 1:
            refused += 1
            raise torch.OutOfMemoryError("out of memory")
        return step(work, wanted)

    it._step = cramped
    reply = it.ask(prompt, max_tokens=30)
    it.loop.close()
    assert refused
    assert list(reply.token_ids) == reference(it.model, prompt, 30)


def test_where_not_even_one_token_fits_the_request_says_so(bench: Any) -> None:
    it = bench()

    def full(_work: Any, _wanted: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    it._step = full
    with pytest.raises(EngineError, match="not enough memory"):
        it.ask(prompt_of(10))


def test_a_listener_that_fails_fails_its_own_request_only(bench: Any) -> None:
    it = bench()

    def listener(_text: str) -> None:
        raise RuntimeError("listener")

    it.gate.clear()
    deaf = it.loop.submit(it.job(prompt_of(9), "a", on_text=listener, max_tokens=40))
    fine = it.loop.submit(it.job(prompt_of(9), "b", max_tokens=40))
    it.gate.set()
    assert fine.result(WAIT_S).completion_tokens == 40
    with pytest.raises(EngineError, match="listener"):
        deaf.result(WAIT_S)


def test_output_that_is_not_a_number_is_an_error(bench: Any) -> None:
    it = bench()
    step = it._step
    it._step = lambda work, wanted: step(work, wanted) * float("nan")
    with pytest.raises(EngineError, match="not a number"):
        it.ask(prompt_of(9))


def test_when_the_loop_itself_breaks_nobody_waits_for_ever(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench()
    monkeypatch.setattr("arena.engines.hf_loop.best_tokens", lambda *_: 1 / 0)
    it.gate.clear()
    futures = [it.loop.submit(it.job(prompt_of(5, i), f"{i}")) for i in range(3)]
    it.gate.set()
    for future in futures:
        with pytest.raises(EngineError, match="ZeroDivisionError"):
            future.result(WAIT_S)
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        it.ask(prompt_of(5))


def test_closing_fails_what_is_under_way_and_ends_the_thread(bench: Any) -> None:
    it = bench(stop_ids=frozenset())
    slowly = it.job(prompt_of(5), max_tokens=900, on_text=lambda _text: time.sleep(0.01))
    future = it.loop.submit(slowly)
    while len(it.steps) < 3:
        time.sleep(0.001)
    it.loop.close()
    with pytest.raises(EngineError, match="closed"):
        future.result(WAIT_S)
    with pytest.raises(EngineError, match="closed"):
        it.ask(prompt_of(5))
    assert not it.loop._thread.is_alive()
