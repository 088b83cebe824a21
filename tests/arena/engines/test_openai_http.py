"""The HTTP engine against a real server process that answers, refuses, stumbles and breaks off."""

import asyncio
import email.utils
import gc
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback

import pytest

from arena.engines import openai_problem
from arena.engines.openai_http import OpenAIEngine
from arena.engines.registry import make_engine
from arena.errors import EngineError, RefusedRequest, UsageError
from tests.arena.engines.asking import request
from tests.servers.fake_openai import FakeServer, serving

pytestmark = pytest.mark.network_server
KEY = "sk-fake-0123456789abcdef"
OK = {"text": "Action: look around"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_problem, "FIRST_WAIT_S", 0.01)


async def ask(server: FakeServer, *, options: dict | None = None, **wanted):
    """Start an engine on a server, ask once, close it."""
    engine = make_engine(server.spec, options)
    try:
        await engine.start()
        (completion,) = await engine.complete([request(**wanted)])
        return completion
    finally:
        await engine.close()


async def fails(server: FakeServer, *, options: dict | None = None, **wanted) -> EngineError:
    with pytest.raises(EngineError) as failed:
        await ask(server, options=options, **wanted)
    return failed.value


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- what is asked and what comes back


async def test_a_reply_comes_with_its_counts_and_the_request_says_how_to_decode():
    with serving([OK]) as server:
        completion = await ask(
            server, prompt="You see a door.", max_tokens=7, temperature=0.5, top_p=0.9, stop=("\n",)
        )
        (asked,) = server.asked()
    assert (completion.text, completion.finish_reason) == ("Action: look around", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens, completion.cached_tokens) == (6, 3, 3)
    assert completion.estimated_tokens is None
    assert 0 < completion.latency_s < 5
    body = asked["body"]
    assert body["messages"][-1] == {"role": "user", "content": "You see a door."}
    wanted = {"model": "fake", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "stop": ["\n"]}
    assert wanted.items() <= body.items()
    assert not {"stream", "logprobs", "tools"} & body.keys()


async def test_seeds_are_the_same_for_the_same_turn_and_differ_between_turns_and_repeats():
    with serving([OK]) as server:
        for wanted in ({}, {}, {"turn": 1}, {"repeat": 1}, {"seed": 1}):
            await ask(server, **wanted)
        seeds = [asked["body"]["seed"] for asked in server.asked()]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 4


async def test_a_streamed_reply_is_the_same_reply_and_comes_in_pieces():
    step = {"text": "Action: look around", "reasoning": "Where am I?", "chunk_delay_s": 0.02}
    pieces: list[tuple[float, str]] = []
    with serving([step]) as server:
        whole = await ask(server)
        streamed = await ask(server, on_text=lambda text: pieces.append((time.perf_counter(), text)))
    assert streamed.text == whole.text == "<think>Where am I?</think>\nAction: look around"
    assert streamed.completion_tokens == whole.completion_tokens == 6
    assert "".join(text for _, text in pieces) == whole.text
    assert len(pieces) == 6
    assert pieces[-1][0] - pieces[0][0] > 0.05


@pytest.mark.parametrize("on_text", [None, lambda text: None])
async def test_tool_calls_that_the_server_parsed_come_back_as_json(on_text):
    step = {"tool_calls": [{"name": "move", "arguments": '{"room": "a b"}'}], "finish": "tool_calls"}
    tool = {"type": "function", "function": {"name": "move", "parameters": {"type": "object"}}}
    with serving([step]) as server:
        completion = await ask(server, tools=[tool], on_text=on_text)
        served = await ask(server, tools=[tool], options={"tools": "server"}, on_text=on_text)
        first, second = server.asked()
    assert completion.text == served.text == '{"name": "move", "arguments": {"room": "a b"}}'
    assert "tools" not in first["body"]
    assert second["body"]["tools"] == [tool]


@pytest.mark.parametrize("on_text", [None, lambda text: None])
async def test_log_probabilities_come_on_request(on_text):
    with serving([OK | {"logprobs": True}]) as server:
        completion = await ask(server, top_logprobs=2, on_text=on_text)
        (asked,) = server.asked()
    assert (asked["body"]["logprobs"], asked["body"]["top_logprobs"]) == (True, 2)
    assert [choice.text for choice in completion.choices] == ["Action: ", "look ", "around"]
    assert completion.choices[0].logprob == -0.25
    assert dict(completion.choices[0].top) == {-1: -1.0, -2: -2.0}


async def test_missing_counts_are_zero_and_length_is_kept():
    with serving([OK | {"usage": False, "finish": "length"}]) as server:
        completion = await ask(server)
    assert (completion.prompt_tokens, completion.completion_tokens) == (0, 0)
    assert completion.finish_reason == "length"


@pytest.mark.parametrize("on_text", [None, lambda text: None])
async def test_missing_counts_are_estimated_apart_from_what_is_counted(on_text):
    with serving([OK | {"usage": False}]) as server:
        completion = await ask(server, prompt="x" * 300, on_text=on_text)
    assert (completion.prompt_tokens, completion.completion_tokens) == (0, 0)
    assert completion.estimated_tokens is not None
    prompt, reply = completion.estimated_tokens
    # three bytes a token, and a few for each message
    assert 100 < prompt < 130
    assert len(OK["text"]) // 3 <= reply < 20


# --- what goes wrong and passes

PASSING = [
    {"status": 429, "headers": {"Retry-After": "0"}, "error": {"error": {"message": "slow down"}}},
    {"status": 500, "error": "<html>oops</html>"},
    {"status": 503},
    {"status": 408},
    {"status": 409},
    {"fault": "close"},
    {"text": "Action: look around", "fault": "half_body"},
    {"text": "Action: look around", "fault": "short_stream"},
    {"text": "Action: look around", "fault": "garbage"},
    {"text": "Action: look around", "fault": "stream_error"},
    {"text": "Action: look around", "fault": "no_choices"},
    {"fault": "html"},
]


def plain(step: dict) -> bool:
    return step.get("fault") != "stream_error"


def label(step: dict) -> str:
    return str(step.get("fault") or step.get("status"))


@pytest.mark.parametrize("step", filter(plain, PASSING), ids=label)
async def test_what_passes_is_tried_again(step: dict):
    with serving([step | {"times": 2}, OK]) as server:
        completion = await ask(server)
        assert len(server.asked()) == 3
    assert completion.text == OK["text"]


@pytest.mark.parametrize("step", PASSING, ids=label)
async def test_what_passes_is_tried_again_in_a_stream_and_nothing_is_shown_twice(step: dict):
    shown: list[str] = []
    with serving([step | {"times": 2}, OK]) as server:
        completion = await ask(server, on_text=shown.append)
        assert len(server.asked()) == 3
    assert completion.text == "".join(shown) == OK["text"]


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (PASSING[0], "has too much to do (429: slow down)"),
        (PASSING[1], "fails (500"),
        ({"fault": "close"}, "sends half an answer: a connection that breaks off"),
        ({"text": "x", "fault": "half_body"}, "sends half an answer: a connection that breaks off"),
        ({"text": "x", "fault": "garbage"}, "sends half an answer: text that is not JSON"),
        ({"text": "x", "fault": "no_choices"}, "sends half an answer: "),
        ({"text": None}, "sends half an answer: a message without content"),
    ],
    ids=lambda value: label(value) if isinstance(value, dict) else "",
)
async def test_tries_are_bounded_and_the_end_is_one_sentence(step: dict, sentence: str):
    with serving([step]) as server:
        failed = await fails(server, options={"retries": 2})
        assert len(server.asked()) == 3
        assert sentence in failed.message
        assert server.url in failed.message
        assert "\n" not in failed.message
        assert failed.next_step


async def test_half_a_stream_is_an_error_after_the_last_try():
    with serving([OK | {"fault": "short_stream"}]) as server:
        failed = await fails(server, options={"retries": 1}, on_text=lambda text: None)
    assert "a stream that stops in the middle" in failed.message


@pytest.mark.parametrize(
    "when", [lambda: "1", lambda: email.utils.formatdate(time.time() + 2, usegmt=True)], ids=["s", "date"]
)
async def test_the_pause_is_the_servers_where_it_names_one(when):
    with serving([{"status": 429, "headers": {"Retry-After": when()}}, OK]) as server:
        await ask(server)
        first, second = (asked["at_s"] for asked in server.asked())
    assert 0.5 < second - first < 2.5


@pytest.mark.parametrize("when", ["Mon, 01 Jan 99999 00:00:00 GMT", "nan", "-3", "soon"])
async def test_a_pause_that_is_none_is_not_heeded(when: str):
    with serving([{"status": 503, "headers": {"Retry-After": when}}, OK]) as server:
        assert (await ask(server)).text == OK["text"]


async def test_a_server_that_wants_an_hour_of_peace_is_given_up_at_once():
    with serving([{"status": 429, "headers": {"Retry-After": "3600"}}]) as server:
        failed = await fails(server)
        assert len(server.asked()) == 1
    assert "come back in 3600 s" in failed.message


async def test_pauses_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openai_problem, "FIRST_WAIT_S", 0.5)
    pauses = [openai_problem._back_off_s(attempt) for attempt in range(8)]
    assert 0.3 < pauses[0] < 0.7
    assert 1.4 < pauses[2] < 2.6
    assert max(pauses) <= 10


async def test_a_late_answer_is_tried_again_and_then_an_error():
    with serving([OK | {"delay_s": 1}, OK]) as server:
        assert (await ask(server, options={"timeout": 0.4})).text == OK["text"]
    with serving([OK | {"delay_s": 1}]) as server:
        failed = await fails(server, options={"timeout": 0.2, "retries": 1})
    assert "gave no whole answer in 0.2 s" in failed.message


async def test_a_reply_that_drips_for_ever_runs_into_the_same_limit():
    drip = {"text": "word " * 1000, "chunk_delay_s": 0.05}
    with serving([drip]) as server:
        began = time.perf_counter()
        failed = await fails(server, options={"timeout": 0.4, "retries": 0}, on_text=lambda text: None)
    assert time.perf_counter() - began < 30  # of the 50 that it drips
    assert "gave no whole answer" in failed.message


# --- what is refused


@pytest.mark.parametrize(
    ("step", "sentence", "hint"),
    [
        ({"status": 401}, "wants an API key (401)", "ARENA_API_KEY"),
        ({"status": 403}, "wants an API key (403)", "ARENA_API_KEY"),
        (
            {"status": 404, "error": {"detail": "Not Found"}},
            "no fake or no chat completions (404: Not",
            "/v1",
        ),
        (
            {"status": 400, "error": {"error": "bad\nvalue\x1b[2J"}},
            "rejects the request (400: bad value [2J)",
            "log",
        ),
        (
            {"status": 400, "error": {"message": "This model's maximum context length is 512 tokens."}},
            "the prompt is too long for fake",
            "context_tokens=",
        ),
        (
            {
                "status": 400,
                "error": {
                    "error": {
                        "type": "exceed_context_size_error",
                        "message": "the request exceeds the available context size",
                    }
                },
            },
            "the prompt is too long for fake",
            "context_tokens=",
        ),
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else "",
)
async def test_a_refusal_is_not_tried_again_and_says_what_to_do(step: dict, sentence: str, hint: str):
    with serving([step]) as server:
        failed = await fails(server)
        assert len(server.asked()) == 1
    assert sentence in failed.message
    assert hint in failed.next_step
    # the server as such is fine where only the request is not
    assert isinstance(failed, RefusedRequest) == (step["status"] == 400)


# --- before the first request


async def test_a_server_that_is_down_is_one_sentence_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openai_problem, "FIRST_WAIT_S", 60.0)
    url = f"http://127.0.0.1:{unused_port()}/v1"
    engine = OpenAIEngine(f"{url}#m")
    assert engine.identity()["model"] == "m"
    began = time.perf_counter()
    with pytest.raises(EngineError, match=f"no server answers at {url}") as failed:
        await engine.start()
    assert time.perf_counter() - began < 30
    assert "start it" in failed.value.next_step
    await engine.close()


async def test_a_server_that_dies_is_no_answer_after_the_last_try():
    with serving([OK]) as server:
        engine = OpenAIEngine(f"{server.url}#fake", retries=1)
        await engine.start()
        await engine.complete([request()])
    with pytest.raises(EngineError, match="no server answers at"):
        await engine.complete([request()])
    await engine.close()


def test_without_a_models_name_identity_needs_the_server():
    url = f"http://127.0.0.1:{unused_port()}/v1"
    with pytest.raises(EngineError, match=f"no server answers at {url}"):
        OpenAIEngine(url).identity()


async def test_the_only_model_needs_no_name():
    with serving([OK]) as server:
        engine = OpenAIEngine(server.url)
        assert engine.identity() == OpenAIEngine(server.spec.removeprefix("openai:")).identity()
        await engine.start()
        await engine.complete([request()])
        assert server.asked()[0]["body"]["model"] == "fake"
        await engine.close()


async def test_of_several_models_one_must_be_named():
    with serving([OK], models="llama-base,llama-awq") as server:
        engine = OpenAIEngine(server.url)
        with pytest.raises(EngineError, match="serves 2 models") as failed:
            await engine.start()
        assert "llama-base, llama-awq" in failed.value.next_step
        wrong = OpenAIEngine(f"{server.url}#llama-wq")
        with pytest.raises(EngineError, match="has no model llama-wq") as failed:
            await wrong.start()
        assert failed.value.next_step == "did you mean llama-awq, llama-base?"


async def test_a_server_without_a_list_of_models_plays_the_one_that_is_named():
    with serving([OK], models="") as server:
        engine = OpenAIEngine(f"{server.url}#any")
        await engine.start()
        assert (await engine.complete([request()]))[0].text == OK["text"]
        await engine.close()
        with pytest.raises(EngineError, match="does not list its models"):
            await OpenAIEngine(server.url).start()


async def test_gateways_may_list_families_of_models():
    with serving([OK], models="openai/*") as server:
        engine = OpenAIEngine(f"{server.url}#openai/small")
        await engine.start()
        await engine.close()


async def test_the_context_window_is_the_servers():
    with serving([OK], "--max-model-len", "4096") as server:
        engine = make_engine(server.spec)
        await engine.start()
        assert engine.context_tokens == 4096
        await engine.close()


def test_identity_is_the_model_and_never_the_address_and_works_offline():
    here = OpenAIEngine("http://127.0.0.1:1/v1#m", retries=1, timeout=5, concurrency=2).identity()
    there = OpenAIEngine("https://example.com/v1#m").identity()
    assert here == there == {"engine": "openai", "model": "m", "tools": "prompt"}
    assert OpenAIEngine("https://example.com/v1#m", tools="server").identity() != here


@pytest.mark.parametrize(
    "where", ["127.0.0.1:8000/v1#m", "ftp://x/v1", "http://", "http://[::1/v1", "http://h:x/v1"]
)
def test_what_is_no_address_is_refused(where: str):
    with pytest.raises(UsageError, match="address"):
        OpenAIEngine(where)


@pytest.mark.parametrize("name", ["access_token", "subscription-key", "sig", "X-Goog-Signature", "PASSWORD"])
def test_a_secret_in_the_address_is_refused_unseen(name: str):
    with pytest.raises(UsageError, match="can't be part of a contestant") as refused:
        make_engine(f"openai:http://127.0.0.1:1/v1?{name}=TOPSECRET#m")
    assert "TOPSECRET" not in repr(refused.value) + refused.value.next_step


async def test_a_query_in_the_address_goes_along_and_stays_out_of_errors():
    with serving([{"status": 400}]) as server:
        engine = OpenAIEngine(f"{server.url}?api-version=2#fake")
        await engine.start()
        with pytest.raises(EngineError) as failed:
            await engine.complete([request()])
        assert server.asked()[0]["path"] == "/v1/chat/completions?api-version=2"
        assert "api-version" not in failed.value.message
        await engine.close()


async def test_a_proxy_from_the_environment_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with serving([OK]) as server:
        assert (await ask(server)).text == OK["text"]


# --- the key


def frames_of(error: BaseException) -> str:
    """Return a traceback with all local variables, as verbose tools show it, chained errors included."""
    told, seen = "", [error]
    while seen:
        each = seen.pop()
        told += "".join(traceback.TracebackException.from_exception(each, capture_locals=True).format())
        seen += [chained for chained in (each.__cause__, each.__context__) if chained]
    return told


@pytest.mark.parametrize("variable", ["ARENA_API_KEY", "OPENAI_API_KEY"])
async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, KEY)
    with serving([OK], "--key", KEY) as server:
        assert (await ask(server)).text == OK["text"]


@pytest.mark.parametrize(
    "step",
    [
        {"status": 400, "error": {"error": {"message": f"bad header Authorization: Bearer {KEY}"}}},
        {"status": 500, "error": {"message": f"{KEY} {KEY}"}},
        {"fault": "close"},
        {"fault": "html"},
        {"delay_s": 1, "text": "x"},
    ],
)
async def test_the_key_is_in_no_error_log_or_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: dict
):
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with serving([step], "--key", KEY) as server:
        failed = await fails(server, options={"retries": 1, "timeout": 0.5})
        assert server.asked()[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in failed.message + failed.next_step + repr(failed)
    assert KEY not in frames_of(failed)
    assert KEY not in caplog.text


async def test_an_error_in_place_of_an_answer_is_short_printable_and_without_the_key(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    said = f"Incorrect API key provided: {KEY} \x1b]0;pwned\x07\x1b[31m {'x' * 3000}"
    with serving([{"status": 200, "error": {"error": {"message": said}}}], "--key", KEY) as server:
        failed = await fails(server, options={"retries": 0})
    assert "an error in place of an answer: Incorrect API key provided: ***" in failed.message
    assert KEY not in failed.message + frames_of(failed)
    assert failed.message.isprintable()
    assert len(failed.message) < 400


async def test_a_refused_key_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with serving([OK], "--key", "another") as server:
        failed = await fails(server)
    assert "refuses the API key (401)" in failed.message
    assert KEY not in frames_of(failed) + repr(failed) + caplog.text


@pytest.mark.parametrize("key", ["sk-fake\n0123456789", "sk-fäke-0123456789", "sk fake 0123456789"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, key: str):
    monkeypatch.setenv("ARENA_API_KEY", key)
    with pytest.raises(UsageError, match="ARENA_API_KEY holds characters") as refused:
        OpenAIEngine("http://127.0.0.1:1/v1#m")
    assert "0123456789" not in repr(refused.value) + refused.value.next_step


# --- many at once, and the end


async def test_requests_run_together_up_to_the_bound():
    with serving([OK | {"delay_s": 0.1}]) as server:
        engine = make_engine(server.spec, {"concurrency": 4})
        await engine.start()
        replies = await asyncio.gather(*(engine.complete([request(turn=turn)]) for turn in range(12)))
        in_flight = [asked["in_flight"] for asked in server.asked()]
        await engine.close()
    assert len(replies) == 12
    assert max(in_flight) == 4


async def test_a_batch_comes_back_in_order():
    steps = [
        {"when": f"turn {turn}", "text": f"reply {turn}", "delay_s": 0.05 * (3 - turn)} for turn in range(3)
    ]
    with serving([*steps, OK]) as server:
        engine = make_engine(server.spec)
        await engine.start()
        replies = await engine.complete([request(f"turn {turn}") for turn in range(3)])
        await engine.close()
    assert [reply.text for reply in replies] == ["reply 0", "reply 1", "reply 2"]


async def test_one_request_that_fails_leaves_the_others_alone():
    with serving([{"when": "bad", "status": 400}, OK | {"delay_s": 0.1}]) as server:
        engine = make_engine(server.spec)
        await engine.start()
        good, bad = await asyncio.gather(
            engine.complete([request("good")]), engine.complete([request("bad")]), return_exceptions=True
        )
        await engine.close()
    assert good[0].text == OK["text"]
    assert isinstance(bad, EngineError)


async def test_a_cancelled_request_frees_its_place():
    with serving([{"when": "slow", "text": "x", "delay_s": 30}, OK]) as server:
        engine = make_engine(server.spec, {"concurrency": 1})
        await engine.start()
        slow = asyncio.create_task(engine.complete([request("slow")]))
        await asyncio.sleep(0.2)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        async with asyncio.timeout(20):  # of the 30 that the other takes
            assert (await engine.complete([request("quick")]))[0].text == OK["text"]
        await engine.close()


async def test_closing_ends_what_is_under_way_with_an_error_and_may_be_done_twice():
    with serving([OK | {"delay_s": 30}]) as server:
        engine = make_engine(server.spec)
        await engine.start()
        waiting = [asyncio.create_task(engine.complete([request()])) for _ in range(3)]
        await asyncio.sleep(0.2)
        await engine.close()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, EngineError) and "closed" in end.message for end in ends)
        await engine.close()
        with pytest.raises(EngineError, match="is not running"):
            await engine.complete([request()])


def test_an_engine_may_be_started_again_in_another_loop():
    async def once(engine) -> str:
        await engine.start()
        replies = await asyncio.gather(*(engine.complete([request()]) for _ in range(4)))
        await engine.close()
        return replies[0][0].text

    with serving([OK]) as server:
        engine = make_engine(server.spec, {"concurrency": 1})
        assert asyncio.run(once(engine)) == asyncio.run(once(engine)) == OK["text"]


async def test_a_listener_that_fails_is_not_mistaken_for_the_server():
    def listener(text: str) -> None:
        raise ValueError("a bug in the screen")

    with serving([OK]) as server:
        with pytest.raises(ValueError, match="a bug in the screen"):
            await ask(server, on_text=listener)
        assert len(server.asked()) == 1


def test_importing_the_engine_imports_no_client():
    code = "import sys, arena.engines.openai_http; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_thread_task_or_connection_is_left_behind(recwarn: pytest.WarningsRecorder):
    async def play(engine: OpenAIEngine) -> None:
        engine.identity()
        await engine.start()
        await engine.complete([request(), request(on_text=lambda text: None)])
        await engine.close()
        assert len(asyncio.all_tasks()) == 1

    before = threading.active_count()
    with serving([OK]) as server:
        asyncio.run(play(OpenAIEngine(server.url)))
    gc.collect()
    assert threading.active_count() == before
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]
