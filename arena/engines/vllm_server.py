"""A model behind `vllm serve`: the command, the wait until it answers, and its end."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arena.engines.vllm_machine import (
    CONSTRAINT_BACKEND,
    CPU_PACKAGE,
    HOW_TO_INSTALL,
    breaking_packages,
    build,
    cache_bytes,
    is_installed,
    refuse_too_large,
    settle,
)
from arena.engines.vllm_problem import refuse_on_cpu
from arena.errors import EngineError, UsageError
from arena.paths import typed_path

_CLI = "vllm.entrypoints.cli.main"
_POLL_S = 0.5
_GRACE_S = 20.0
"""How long vLLM may take to end its processes before they are killed."""
_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - these are only compared with


@dataclass(frozen=True)
class Server:
    """A running `vllm serve`. `url` is where it will answer, `name` what its model is called there."""

    process: subprocess.Popen[bytes]
    url: str
    name: str

    @property
    def contestant(self) -> str:
        """The contestant to play the model as."""
        return f"openai:{self.url}/v1#{self.name}"

    def wait_until_ready(self) -> None:
        """Return once it answers. Raises `EngineError` where it ends before."""
        while True:
            if self.process.poll() is not None:
                raise self._ended()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=2):  # noqa: S310 - http
                return
            time.sleep(_POLL_S)

    def wait(self) -> None:
        """Wait until it ends. Raises `EngineError` where it ends by itself."""
        self.process.wait()
        raise self._ended()

    def _ended(self) -> EngineError:
        return EngineError(
            f"vllm serve ended with exit code {self.process.returncode}.", "Its last words stand above."
        )


@contextlib.contextmanager
def serving(
    model: str, host: str, port: int, trust_remote_code: bool, extra: Sequence[str]
) -> Iterator[Server]:
    """Run `vllm serve` with a model for the time of a `with` block; port 0 means a free one.

    Raises `EngineError` where vLLM or the model is missing, `UsageError` where the port is taken.
    """
    command, name, port = _command(model, host, port, trust_remote_code, extra)
    environment = dict(os.environ)
    settle(environment)
    # in a session of its own, so that Ctrl-C reaches Arena first, which then ends all of it in order
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True)  # noqa: S603
    try:
        yield Server(process, f"http://{_url_host(host)}:{port}", name)
    finally:
        _end(process)


def _command(
    model: str, host: str, port: int, trust_remote_code: bool, extra: Sequence[str]
) -> tuple[list[str], str, int]:
    """Return the command line, the model's name on the server, and the port."""
    if not is_installed():
        raise EngineError("vLLM is not installed in this Python environment.", HOW_TO_INSTALL)
    if broken := breaking_packages():
        raise EngineError(
            f"vLLM can't be imported beside {', '.join(broken)}.", f"pip uninstall -y {' '.join(broken)}"
        )
    from arena import compressed
    from arena.engines.hf_load import find_checkpoint
    from arena.engines.hf_tokenizer import load_tokenizer

    checkpoint = find_checkpoint(compressed.resolve(model), trust_remote_code)
    folder = load_tokenizer(checkpoint, name=model, trust_remote_code=trust_remote_code).folder
    port = _free_port(host, port)
    name = _served_name(model)
    is_cpu_build = build().startswith(CPU_PACKAGE)
    # `vllm serve` asks for the version of a package called vllm, which the CPU build is not
    module = ["vllm.entrypoints.openai.api_server", "--model"] if is_cpu_build else [_CLI, "serve"]
    command = [sys.executable, "-m", *module, str(folder)]
    command += ["--host", host, "--port", str(port), "--served-model-name", name]
    # what the model's makers recommend (top-k, repetition penalty) would make it another contestant
    command += ["--generation-config", "vllm", "--dtype", checkpoint.dtype]
    # what constrains replies by default lets a model that is not sure write spaces for ever
    constraint = {"backend": CONSTRAINT_BACKEND, "disable_any_whitespace": True}
    command += ["--structured-outputs-config", json.dumps(constraint)]
    command += ["--trust-remote-code"] if trust_remote_code else []
    if is_cpu_build:
        refuse_on_cpu(model, checkpoint.quantization)
        cache = cache_bytes(os.environ)
        refuse_too_large(model, checkpoint.size_bytes, cache)
        command += ["--kv-cache-memory-bytes", str(cache)] if cache else []
    return [*command, *extra], name, port


def _served_name(model: str) -> str:
    """Return a hub id as it is, a path's last part; with nothing that a contestant's SPEC has a use for."""
    name = model if not typed_path(model).exists() else typed_path(model).resolve().name
    return re.sub(r"[^\w./-]", "-", name)


def _free_port(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
            taken: int = trial.getsockname()[1]
            return taken
    except OSError as error:
        raise UsageError(
            f"port {port} of {host} can't be listened on: {error.strerror}", "choose another --port, or 0"
        ) from None


def _url_host(host: str) -> str:
    """Return the host as this machine reaches it, as it stands in a URL."""
    reached = "127.0.0.1" if host in _ANYWHERE else host
    return f"[{reached}]" if ":" in reached else reached


def _end(process: subprocess.Popen[bytes]) -> None:
    """End vLLM and all of its processes: asked first, then killed. A second Ctrl-C kills at once."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
