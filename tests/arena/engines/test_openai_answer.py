"""How a server's answer, whole or in pieces, becomes a reply; and that no answer at all breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.engines.base import Completion
from arena.engines.openai_answer import Answer, HalfAnswer, LiveText
from arena.protocol import thought


def whole(message: dict, finish: str | None = "stop", **more) -> Completion:
    answer = Answer()
    answer.add_whole({"choices": [{"message": message, "finish_reason": finish, **more}]})
    return answer.completion(0.0)


def streamed(*deltas: dict, finish: str = "stop", live: LiveText | None = None) -> Completion:
    answer = Answer(live)
    for delta in deltas:
        answer.add_chunk({"choices": [{"delta": delta, "finish_reason": None}]})
    answer.add_chunk({"choices": [{"delta": {}, "finish_reason": finish}]})
    return answer.completion(0.0)


def call(name: str, arguments: object) -> dict:
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_stands_in_front_where_protocols_split_it_off(field: str):
    message = {field: "hm\nhm", "content": "Action: look"}
    text = whole(message).text
    assert text == streamed({field: "hm\n"}, {field: "hm"}, {"content": "Action: "}, {"content": "look"}).text
    reading = thought.split(text)
    assert (reading.thought, reading.body.strip(), reading.unfinished) == ("hm\nhm", "Action: look", None)


def test_reasoning_sent_under_both_names_stands_there_once():
    assert whole({"reasoning_content": "hm", "reasoning": "hm", "content": "x"}).text.count("hm") == 1


def test_reasoning_that_was_cut_is_an_unfinished_thought():
    cut = whole({"reasoning_content": "hm", "content": None}, "length")
    assert thought.split(cut.text).unfinished == 0
    assert cut.finish_reason == "length"
    done = whole({"reasoning_content": "hm", "content": None}, "stop")
    assert thought.split(done.text).unfinished is None


def test_a_tool_call_becomes_canonical_json():
    text = whole({"content": None, "tool_calls": [call("move", '{"room":"a",\n"n": 1}')]}).text
    assert text == '{"name": "move", "arguments": {"room": "a", "n": 1}}'
    assert whole({"content": "", "tool_calls": [call("move", {"room": "a", "n": 1})]}).text == text
    assert (
        whole({"content": None, "tool_calls": [call("look", "")]}).text == '{"name": "look", "arguments": {}}'
    )


def test_a_tool_call_in_pieces_becomes_the_same_json():
    pieces = [
        {"tool_calls": [{"index": 0, **call("move", "")}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"room"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ': "a"}'}}]},
        {"tool_calls": [{"index": 1, **call("look", "{}")}]},
    ]
    assert streamed(*pieces[:3]).text == '{"name": "move", "arguments": {"room": "a"}}'
    assert json.loads(streamed(*pieces).text) == [
        {"name": "move", "arguments": {"room": "a"}},
        {"name": "look", "arguments": {}},
    ]


def test_what_is_said_beside_a_tool_call_is_a_thought():
    text = whole({"content": "I move.", "reasoning": "hm", "tool_calls": [call("look", "{}")]}).text
    reading = thought.split(text)
    assert reading.thought == "hm\nI move."
    assert json.loads(reading.body) == {"name": "look", "arguments": {}}


def test_broken_arguments_stay_as_the_model_wrote_them():
    broken = whole({"content": None, "tool_calls": [call("move", '{"room": a}')]})
    assert broken.text == '{"name": "move", "arguments": {"room": a}}'
    cut = whole({"content": None, "tool_calls": [call("move", '{"room": "')]}, "length")
    assert cut.text == '{"name": "move", "arguments": {"room": "'


def test_only_the_token_limit_is_a_limit():
    assert whole({"content": "x"}, "length").finish_reason == "length"
    for other in ("stop", "tool_calls", "content_filter", "eos", None):
        assert whole({"content": "x"}, other).finish_reason == "stop"
    assert whole({"content": None}, "content_filter").text == ""
    assert (hidden := whole({"content": None}, "length")).text == ""
    assert hidden.finish_reason == "length"


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_what_a_server_broke_off_is_no_reply(reason: str):
    with pytest.raises(HalfAnswer, match=f"broke off .{reason}"):
        whole({"content": "go no"}, reason)


def test_token_counts_are_taken_where_they_make_sense():
    def usage(**counts: object) -> Completion:
        answer = Answer()
        answer.add_whole({"choices": [{"message": {"content": "x"}}], "usage": counts})
        return answer.completion(0.0)

    good = usage(prompt_tokens=7, completion_tokens=3, prompt_tokens_details={"cached_tokens": 5})
    assert (good.prompt_tokens, good.completion_tokens, good.cached_tokens) == (7, 3, 5)
    odd = usage(prompt_tokens="7", completion_tokens=-3, prompt_tokens_details=None)
    assert (odd.prompt_tokens, odd.completion_tokens, odd.cached_tokens) == (0, 0, 0)
    assert usage(prompt_tokens=10**30, completion_tokens=True).prompt_tokens == 0


def test_log_probabilities_keep_ids_where_the_server_tells_them():
    top = [{"token": "token_id:7", "logprob": -0.1}, {"token": "x", "logprob": -2}]
    tokens = [
        {"token": "token_id:7", "logprob": -0.1, "top_logprobs": top},
        {"id": 9, "token": "b", "logprob": -1},
    ]
    known = whole({"content": "ab"}, logprobs={"content": tokens})
    assert known.token_ids == (7, 9)
    assert known.choices[0].top == {7: -0.1, -2: -2.0}
    assert known.choices[1].text == "b"
    unknown = whole({"content": "a"}, logprobs={"content": [{"token": "a", "logprob": -1}]})
    assert (unknown.token_ids, unknown.choices[0].token_id) == ((), -1)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "<html>",
        [],
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": ["x"]},
        {"choices": [{}]},
        {"choices": [{"message": "x"}]},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"content": ["x"]}}]},
        {"choices": [{"message": {"content": "x", "tool_calls": "y"}}]},
        {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]},
        {
            "choices": [
                {"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": 10**400}]}}
            ]
        },
        {"error": {"message": "out of memory"}},
    ],
)
def test_what_is_no_whole_answer_is_called_half_an_answer(answer: object):
    with pytest.raises(HalfAnswer):
        Answer().add_whole(answer)


def test_a_stream_without_an_end_is_half_an_answer():
    answer = Answer()
    answer.add_chunk({"choices": [{"delta": {"content": "Action:"}}]})
    with pytest.raises(HalfAnswer, match="stops in the middle"):
        answer.completion(0.0)


def test_an_empty_reply_is_an_answer():
    assert whole({"content": ""}).text == ""
    assert streamed().text == ""


@pytest.mark.parametrize("content", [None, ""])
def test_a_model_that_declines_has_replied(content: str | None):
    declined = {"content": content, "refusal": "I can't help with that."}
    assert whole(declined).text == "I can't help with that."
    assert (
        streamed({"content": content}, {"refusal": "I can't "}, {"refusal": "help."}).text == "I can't help."
    )
    # what was said counts, and a field that is no text is nothing said
    assert whole({"content": "Action: look", "refusal": None}).text == "Action: look"
    assert whole({"content": "", "refusal": False}).text == ""


def test_half_surrogate_pairs_never_leave_the_engine():
    text = whole({"content": "a\ud83d b \ude00 \ud83d\ude00"}).text
    assert text == "a\ufffd b \ufffd 😀"
    assert text.encode()


def test_a_second_try_shows_only_what_the_first_had_not():
    shown: list[str] = []
    live = LiveText(shown.append)
    for pieces in (["one ", "two "], ["on", "e two thr", "ee"]):
        live.restart()
        for piece in pieces:
            live.show(piece)
    assert "".join(shown) == "one two three"
    assert shown == ["one ", "two ", "thr", "ee"]


def test_what_is_shown_is_what_is_returned():
    shown: list[str] = []
    live = LiveText(shown.append)
    done = streamed({"reasoning": "h"}, {"reasoning": "m"}, {"content": "go"}, {"content": "!"}, live=live)
    assert "".join(shown) == done.text == "<think>hm</think>\ngo!"


FIELDS = [
    *("choices", "message", "delta", "content", "tool_calls", "function", "name", "arguments", "index"),
    *("logprobs", "token", "logprob", "top_logprobs", "usage", "error", "finish_reason", "id"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(message=JSON, logprobs=JSON, usage=JSON, finish=JSON)
def test_any_json_gives_a_reply_or_half_an_answer(message, logprobs, usage, finish):
    for key, add in (("message", Answer.add_whole), ("delta", Answer.add_chunk)):
        answer = Answer(LiveText(lambda text: None))
        choice = {key: message, "logprobs": logprobs, "finish_reason": finish}
        try:
            add(answer, {"choices": [choice], "usage": usage})
            done = answer.completion(0.0)
        except HalfAnswer:
            continue
        assert done.text.encode() is not None
