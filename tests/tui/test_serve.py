"""`arena play --serve`: the app in a browser."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.errors import ArenaError, UsageError
from tui import web

TASK = "pddl/gripper/16"  # some thirty turns: longer than the test
COMMAND = [sys.executable, "-m", "arena", "play", TASK, "-a", "a=expert", "-a", "b=random"]
WAIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(runs: Path, port: int) -> Iterator[str]:
    """`arena play --serve` in a process of its own; its address once it answers."""
    environment = os.environ | {"ARENA_RUNS": str(runs)}
    process = subprocess.Popen(
        [*COMMAND, "--serve", "--port", str(port)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert f"http://127.0.0.1:{port}" in said, said
        for _ in range(WAIT_S * 10):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        finally:
            with contextlib.suppress(ProcessLookupError):  # the apps of the pages, if they are still there
                os.killpg(process.pid, signal.SIGKILL)


def runs_in(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def text_on_page(socket_, words: str) -> str:
    """What a page has been sent, once it says `words`; styles and moves of the cursor left out."""
    seen = b""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end and not socket_.closed:
        message = await socket_.receive(timeout=WAIT_S)
        seen += message.data if isinstance(message.data, bytes) else b""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode("utf-8", "replace"))
        if words in text:
            return text
    raise AssertionError(f"{words!r} never came; the page has {text[-500:]!r}")


@pytest.mark.network_server
async def test_a_browser_gets_the_page_and_the_match_and_a_second_one_watches_it(tmp_path: Path):
    aiohttp = pytest.importorskip("aiohttp", reason="textual-serve is not installed")
    pytest.importorskip("textual_serve")
    with served(tmp_path, free_port()) as place:
        async with aiohttp.ClientSession() as session:
            page = await (await session.get(f"http://{place}/")).text()
            assert f"ws://{place}/ws" in page
            assert (await session.get(f"http://{place}/", headers={"Host": "evil.example"})).status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"http://{place}/ws", origin="http://evil.example")
            async with session.ws_connect(f"http://{place}/ws?width=120&height=40") as first:
                await text_on_page(first, TASK)
                async with session.ws_connect(
                    f"http://{place}/ws?width=120&height=40", origin=f"http://{place}"
                ) as second:
                    await text_on_page(second, "● live")
    assert runs_in(tmp_path) == 1


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(web, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as raised:
        web.serve(["true"], "127.0.0.1", 8000, print)
    assert "textual-serve" in raised.value.message
    assert "arena[web]" in raised.value.next_step


def test_a_taken_port_is_an_error_that_names_it():
    pytest.importorskip("textual_serve")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ArenaError, match=str(port)):
            web.serve(["true"], "127.0.0.1", port, lambda words: None)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.4", False)],
)
def test_only_loopback_addresses_count_as_this_machine(host: str, answer: bool):
    assert web.is_loopback(host) is answer


@pytest.mark.parametrize(
    ("asked", "origin", "bound", "answer"),
    [
        ("127.0.0.1:8000", None, "127.0.0.1", True),
        ("localhost:8000", "http://localhost:8000", "127.0.0.1", True),
        ("localhost:8000", "http://evil.example", "127.0.0.1", False),
        ("localhost:8000", "http://localhost:9000", "127.0.0.1", False),
        ("localhost:8000", "null", "127.0.0.1", False),
        ("evil.example:8000", "http://evil.example:8000", "127.0.0.1", False),
        ("[::1", None, "127.0.0.1", False),
        ("box.lan:8000", "http://box.lan:8000", "0.0.0.0", True),
        ("box.lan:8000", "http://evil.example", "0.0.0.0", False),
    ],
)
def test_pages_of_other_sites_are_refused(asked: str, origin: str | None, bound: str, answer: bool):
    assert web.is_own_page(asked, origin, bound) is answer
