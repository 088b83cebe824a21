"""Replies as vLLM writes them, told piece by piece: text, ends, log-probabilities."""

import math
import sys
import time
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[2] / "toys")]
import tiny_models
from asking import request

from arena.engines.base import Completion, Request
from arena.engines.hf_chat import Chat
from arena.engines.vllm_reply import Piece, Reply
from arena.errors import EngineError

CHAT = Chat(tiny_models.byte_tokenizer())
END = 256


def ids(text: str) -> list[int]:
    return CHAT.tokenizer(text, add_special_tokens=False).input_ids


def written(asked: Request, *pieces: Piece) -> Completion:
    """What comes of pieces, and that the reply ends with the last of them."""
    reply = Reply(asked, CHAT, frozenset({END}))
    assert [reply.add(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return reply.completion(prompt_tokens=7, began=time.perf_counter())


def test_a_reply_ends_at_a_stop_token_which_is_counted_and_not_shown() -> None:
    reply = written(request(), Piece(ids("go"), cached_tokens=5), Piece([*ids(" on"), END], end="stop"))
    assert (reply.text, reply.finish_reason) == ("go on", "stop")
    assert reply.token_ids == (*ids("go on"), END)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (7, 6, 5)


def test_a_reply_ends_at_a_stop_string_whatever_comes_in_the_same_piece() -> None:
    reply = written(request(stop=("\n",)), Piece(ids("go\nOK, ne")))
    assert (reply.text, reply.finish_reason, reply.token_ids) == ("go", "stop", tuple(ids("go\n")))


def test_a_reply_that_is_cut_leaves_out_half_a_character() -> None:
    reply = written(request(), Piece(ids("go 日")[:-1], end="length"))
    assert (reply.text, reply.finish_reason) == ("go ", "length")


def test_a_stop_string_is_streamed_no_further_than_it_begins() -> None:
    pieces: list[str] = []
    written(request(stop=("END",), on_text=pieces.append), Piece(ids("so E")), Piece(ids("ND")))
    assert "".join(pieces) == "so "


def test_each_token_has_the_best_alternatives_and_its_own_log_probability() -> None:
    a, b, c = ids("abc")
    # the chosen token, c, is not among the two best, and comes on top of them
    reply = written(request(top_logprobs=2), Piece([c], [{c: -3.0, b: -0.5, a: -1.0}], end="length"))
    (choice,) = reply.choices
    assert (choice.token_id, choice.text, choice.logprob) == (c, "c", -3.0)
    assert dict(choice.top) == {b: -0.5, a: -1.0}
    assert list(choice.top) == [b, a]


def test_no_log_probabilities_are_told_where_none_were_asked_for() -> None:
    assert written(request(), Piece(ids("a"), end="length")).choices == ()


@pytest.mark.parametrize("end", ["abort", "error"])
def test_a_reply_that_is_broken_off_is_an_error(end: str) -> None:
    reply = Reply(request(), CHAT, frozenset())
    with pytest.raises(EngineError, match=end):
        reply.add(Piece(ids("a"), end=end))


def test_a_reply_that_never_ended_is_no_completion() -> None:
    reply = Reply(request(), CHAT, frozenset())
    reply.add(Piece(ids("a")))
    with pytest.raises(EngineError, match="without saying so"):
        reply.completion(prompt_tokens=1, began=0.0)


def test_a_token_that_may_not_come_is_no_alternative() -> None:
    """Under a constraint vLLM's log-probabilities are those of what may come: minus infinity for the rest."""
    go, stop = ids("gs")
    asked = request(max_tokens=1, top_logprobs=3)
    reply = written(asked, Piece([go], [{go: -0.1, stop: -math.inf}], "length"))
    assert dict(reply.choices[0].top) == {go: -0.1}
