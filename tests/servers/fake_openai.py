"""A real HTTP server, in a process of its own, that speaks OpenAI's chat completions and can misbehave.

    python tests/servers/fake_openai.py [--port 0] [--script FILE | --echo] [--models A,B] [--key KEY]
                                        [--max-model-len N] [--log FILE] [--until-stdin-closes]

Prints its port on the first line of stdout, then serves until it is killed (or, with --until-stdin-closes,
until its parent is gone). `--echo` answers with the last line of the last message. `--key KEY` refuses other
keys with 401. `--models ""` has no list of models (404). `--log FILE` appends one JSON line a request:
{path, authorization, body, in_flight, at_s}.

FILE is a JSON list of steps. Requests take the steps in order; the last step serves all further ones. A step
with "when" serves instead, whenever the last message contains that text. Fields, all optional:

    text            the reply's content (null is possible)        reasoning, reasoning_field   what it thought
    tool_calls      [{"name", "arguments": "JSON as text"}]       finish      finish_reason (default "stop")
    logprobs        true: a log-probability for each word         usage       false: say nothing of tokens
    times           how many requests the step serves (1)         delay_s     wait before the answer
    chunk_delay_s   wait before each piece of a stream
    status          an error status, with "headers" and "error" (an object, or text where it is not JSON)
    fault           close: hang up without an answer              half_body: hang up in the middle
                    short_stream: end cleanly without an end      garbage: not JSON
                    no_choices: a completion without choices      html: a web page with status 200
                    stream_error: an error object in the middle of a stream

Tests use `serving(steps, …)`, which starts the process and gives its `url` and what it was asked.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FakeServer:
    """A running server: `url` ends in /v1, `spec` is a contestant on it."""

    port: int
    model: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def spec(self) -> str:
        return f"openai:{self.url}#{self.model}"

    def asked(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        """Return what was asked so far, in the order of arrival."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["path"].partition("?")[0] == path]


@contextlib.contextmanager
def serving(steps: Sequence[dict[str, Any]] = (), *flags: str, models: str = "fake") -> Iterator[FakeServer]:
    """Run a server process with a script (without one it echoes); it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        script, log = Path(folder, "script.json"), Path(folder, "log.jsonl")
        script.write_text(json.dumps(list(steps)))
        command = [
            sys.executable,
            "-IS",
            __file__,
            "--until-stdin-closes",
            "--models",
            models,
            "--log",
            str(log),
        ]
        command += ["--script", str(script)] if steps else ["--echo"]
        process = subprocess.Popen(
            [*command, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout
            yield FakeServer(int(process.stdout.readline()), models.partition(",")[0], log)
        finally:
            process.kill()
            process.communicate()


class Script:
    """Which step serves a request."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self._by_text = [step for step in steps if "when" in step]
        ordered = [step for step in steps if "when" not in step]
        self._queue = [step for step in ordered for _ in range(step.get("times", 1))]
        self._lock = threading.Lock()

    def step(self, prompt: str) -> dict[str, Any]:
        with self._lock:
            for step in self._by_text:
                if step["when"] in prompt:
                    return step
            return self._queue.pop(0) if len(self._queue) > 1 else self._queue[0]


class Echo(Script):
    def step(self, prompt: str) -> dict[str, Any]:
        return {"text": prompt.rpartition("\n")[2]}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.models = [name for name in options.models.split(",") if name]
        self.script = Script(json.loads(options.script.read_text())) if options.script else Echo([])
        self.lock = threading.Lock()
        self.in_flight = 0

    def note(self, path: str, authorization: str | None, body: Any) -> None:
        entry = {
            "path": path,
            "authorization": authorization,
            "body": body,
            "in_flight": self.in_flight,
            "at_s": time.time(),
        }
        if self.options.log:
            with self.lock, self.options.log.open("a") as log:
                log.write(json.dumps(entry) + "\n")

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up are what the tests are about


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass

    def do_GET(self) -> None:
        self.server.note(self.path, self.headers["Authorization"], None)
        if self._refused():
            return
        if self.path.partition("?")[0] != "/v1/models" or not self.server.models:
            self._send(404, {"error": {"message": "no such page"}})
            return
        card: dict[str, Any] = {"object": "model", "owned_by": "tests"}
        if self.server.options.max_model_len:
            card["max_model_len"] = self.server.options.max_model_len
        self._send(200, {"object": "list", "data": [card | {"id": name} for name in self.server.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.in_flight += 1
        try:
            self.server.note(self.path, self.headers["Authorization"], body)
            if self._refused():
                return
            if self.path.partition("?")[0] != "/v1/chat/completions":
                self._send(404, {"detail": "Not Found"})
                return
            self._play(self.server.script.step(body["messages"][-1]["content"]), body)
        finally:
            with self.server.lock:
                self.server.in_flight -= 1

    def _refused(self) -> bool:
        key, given = self.server.options.key, self.headers["Authorization"]
        if key is None or given == f"Bearer {key}":
            return False
        # real servers quote the key that they refuse
        self._send(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        return True

    def _play(self, step: dict[str, Any], body: dict[str, Any]) -> None:
        time.sleep(step.get("delay_s", 0))
        fault = step.get("fault")
        if "status" in step:
            self._send(step["status"], step.get("error", {}), step.get("headers", {}))
        elif fault == "close":
            self.close_connection = True
        elif fault == "html":
            self._send(200, "<html>It works!</html>")
        elif body.get("stream"):
            self._stream(step, body)
        elif fault == "garbage":
            self._head(200, "application/json", {"Content-Length": "9"})
            self.wfile.write(b'{"choices')
        else:
            answer = _completion(step, body)
            if fault == "no_choices":
                answer["choices"] = []
            data = json.dumps(answer).encode()
            self._head(200, "application/json", {"Content-Length": str(len(data))})
            self.wfile.write(data[: len(data) // 2] if fault in ("half_body", "short_stream") else data)
            self.close_connection = self.close_connection or fault in ("half_body", "short_stream")

    def _stream(self, step: dict[str, Any], body: dict[str, Any]) -> None:
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        chunks, fault = _chunks(step, body), step.get("fault")
        if fault in ("half_body", "short_stream", "garbage", "stream_error"):
            chunks = chunks[: max(1, (len(chunks) - 1) // 2)]
        for chunk in [] if fault == "no_choices" else chunks:
            time.sleep(step.get("chunk_delay_s", 0))
            self._event(json.dumps(chunk))
        if fault == "half_body":
            self.close_connection = True
            return
        if fault == "garbage":
            self._event('{"choices')
        elif fault == "stream_error":
            self._event(json.dumps({"error": {"message": "out of memory"}}))
        elif fault != "short_stream":
            self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        is_json = not isinstance(body, str)
        data = (json.dumps(body) if is_json else body).encode()
        kind = "application/json" if is_json else "text/html"
        self._head(status, kind, {"Content-Length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _completion(step: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.get("text")}
    if "reasoning" in step:
        message[step.get("reasoning_field", "reasoning_content")] = step["reasoning"]
    if "tool_calls" in step:
        message["tool_calls"] = [_call(call) for call in step["tool_calls"]]
    choice = {"index": 0, "message": message, "finish_reason": step.get("finish", "stop")}
    if step.get("logprobs"):
        choice["logprobs"] = {"content": _logprobs(step["text"], body)}
    answer: dict[str, Any] = {"object": "chat.completion", "model": body["model"], "choices": [choice]}
    return answer | ({"usage": _usage(step, body)} if step.get("usage", True) else {})


def _chunks(step: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    field = step.get("reasoning_field", "reasoning_content")
    deltas += [{"delta": {field: piece}} for piece in _words(step.get("reasoning"))]
    for piece in _words(step.get("text")):
        token = {"logprobs": {"content": _logprobs(piece, body)}} if step.get("logprobs") else {}
        deltas.append({"delta": {"content": piece}} | token)
    for place, call in enumerate(step.get("tool_calls", [])):
        begin = {"index": place, **_call(call | {"arguments": ""})}
        deltas.append({"delta": {"tool_calls": [begin]}})
        for piece in _words(call["arguments"]):
            deltas.append({"delta": {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}})
    deltas.append({"delta": {}, "finish_reason": step.get("finish", "stop")})
    chunks = [{"object": "chat.completion.chunk", "choices": [{"index": 0, **delta}]} for delta in deltas]
    wants_usage = (body.get("stream_options") or {}).get("include_usage") and step.get("usage", True)
    return [*chunks, {"choices": [], "usage": _usage(step, body)}] if wants_usage else chunks


def _call(call: dict[str, str]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": call["arguments"]}
    return {"id": f"call-{call['name']}", "type": "function", "function": function}


def _words(text: str | None) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text or "")


def _logprobs(text: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    top = [{"token": f"other{i}", "logprob": -1.0 - i} for i in range(body.get("top_logprobs", 0))]
    return [{"token": word, "logprob": -0.25, "top_logprobs": top} for word in _words(text)]


def _usage(step: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    prompt = sum(len(message["content"].split()) for message in body["messages"])
    reply = len(_words(step.get("text"))) + len(_words(step.get("reasoning")))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": reply,
        "total_tokens": prompt + reply,
        "prompt_tokens_details": {"cached_tokens": prompt // 2},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible server for tests.")
    parser.add_argument("--port", type=int, default=0)
    answers = parser.add_mutually_exclusive_group(required=True)
    answers.add_argument("--script", type=Path)
    answers.add_argument("--echo", action="store_true")
    parser.add_argument("--models", default="fake")
    parser.add_argument("--key")
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--until-stdin-closes", action="store_true")
    server = Server(parser.parse_args())
    if server.options.until_stdin_closes:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
