"""One Java process that runs the simulator: started, spoken to, and always reaped."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from py4j.java_gateway import (
    GatewayClient,
    GatewayConnection,
    GatewayParameters,
    JavaGateway,
    find_jar_path,
)
from py4j.protocol import Py4JError, Py4JJavaError

from envs.errors import EnvironmentCrashed
from envs.scienceworld.hashing import write_patched
from envs.scienceworld.installed import java_programs, simulator_folder

T = TypeVar("T")

START_LIMIT_S = 60.0
CALL_LIMIT_S = 60.0
OPTIONS = (
    # measured: episodes of all tasks leave a process of 150 MiB, the simulator's own solutions one of 400;
    # some of these need more than 192 MiB of heap
    "-Xms32m",
    "-Xmx512m",
    # the simulator would swallow an OutOfMemoryError and play on in a broken state
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+UseSerialGC",
    # its texts hold numbers and lower-cased names
    "-Duser.language=en",
    "-Duser.country=US",
)


class JavaFault(EnvironmentCrashed):
    """The simulator threw an exception, but its process goes on."""


class Jvm:
    """A running Java process with the simulator on its class path; used by one thread at a time.

    The process dies with its parent, however that ends: it exits when its standard input closes. It listens
    on a loopback port that the system picks, and answers only who knows its token.
    """

    def __init__(self, program: Path) -> None:
        """Start the process. Raises `EnvironmentCrashed` where it does not come up."""
        self.program = program
        self.limit_s = CALL_LIMIT_S
        self._owner = os.getpid()
        # a file, not a pipe: nobody reads it while all is well
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        with tempfile.TemporaryDirectory(prefix="arena-scienceworld-") as patched:
            self._process = self._spawn(program, Path(patched))
            try:
                self.gateway = self._connect()
                self.call(self._settle)
            except BaseException:
                self.kill()
                raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether the process runs, and is this process's own child (not inherited by a fork)."""
        return os.getpid() == self._owner and self._process.poll() is None

    def healthy(self) -> bool:
        """Tell whether the process answers."""
        try:
            return self.alive() and self.call(lambda: self.gateway.jvm.java.lang.Math.abs(-1) == 1, 5.0)
        except EnvironmentCrashed:
            return False

    def call(self, work: Callable[[], T], limit_s: float | None = None) -> T:
        """Run `work`, which speaks to Java, and return its result.

        No answer may take longer than `limit_s` (by default the process's own `limit_s`).

        Raises `JavaFault` where Java threw an exception; `EnvironmentCrashed` where the process is dead or
        does not answer (it is killed then).
        """
        if not self.alive():
            raise EnvironmentCrashed(f"the simulator (Java process {self.pid}) has died{self._last_words()}")
        limit_s = limit_s or self.limit_s
        self._connection.socket.settimeout(limit_s)
        try:
            return work()
        except Py4JJavaError as fault:
            raise JavaFault(f"the simulator failed: {self._describe(fault)}") from fault
        except (Py4JError, OSError) as error:
            self.kill()
            hung = isinstance(getattr(error, "cause", None), TimeoutError)
            what = f"did not answer within {limit_s:g} s" if hung else "has died"
            raise EnvironmentCrashed(
                f"the simulator (Java process {self.pid}) {what}{self._last_words()}"
            ) from error
        except BaseException:
            # interrupted between question and answer: the next answer would belong to this question
            self.kill()
            raise

    @contextmanager
    def keeping(self) -> Iterator[Callable[[Any], Any]]:
        """Give a function that passes Java objects through; all are let go at the end of the block.

        Not after a failure: a dead process keeps nothing, and a fault of Java's is too rare to matter.
        """
        kept: list[Any] = []

        def keep(thing: Any) -> Any:
            kept.append(thing)
            return thing

        yield keep
        for thing in kept:
            self.gateway.detach(thing)

    def kill(self) -> None:
        """End the process at once and wait until it is gone; does nothing to another process's child."""
        if os.getpid() != self._owner:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _spawn(self, program: Path, patched: Path) -> subprocess.Popen[bytes]:
        # the package's folder holds the table of object types, which the simulator would write elsewhere
        folder = simulator_folder()
        simulator = folder / "scienceworld.jar"
        write_patched(simulator, patched)
        parts = [patched, Path(__file__).with_name("java"), find_jar_path(), simulator]
        class_path = os.pathsep.join(map(str, parts))
        command = [str(program), *OPTIONS, "-cp", class_path, "py4j.GatewayServer"]
        try:
            return subprocess.Popen(  # noqa: S603 - no shell, fixed arguments
                [*command, "--die-on-broken-pipe", "--enable-auth", "0"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                # Ctrl-C is for the parent, which then lets its children go
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentCrashed(f"{program} can't be run: {error.strerror}") from error

    def _connect(self) -> JavaGateway:
        assert self._process.stdout
        watchdog = threading.Timer(START_LIMIT_S, self._process.kill)
        watchdog.start()
        try:
            # Java's own warnings may come first
            said = map(bytes.strip, iter(self._process.stdout.readline, b""))
            port = next((line for line in said if line.isdigit()), b"")
            token = next(said, b"")
        finally:
            watchdog.cancel()
        if not token:
            raise EnvironmentCrashed(f"{self.program} can't run the simulator{self._last_words()}")
        parameters = GatewayParameters(
            port=int(port),
            auth_token=token.decode(),
            enable_memory_management=False,
            read_timeout=START_LIMIT_S,
        )
        try:
            self._connection = GatewayConnection(parameters)
            self._connection.start()
        except (Py4JError, OSError) as error:
            raise EnvironmentCrashed(f"{self.program} started, but can't be reached: {error}") from error
        return JavaGateway(_Client(parameters, self._connection), gateway_parameters=parameters)

    def _settle(self) -> None:
        """Silence the simulator's chatter, and load the patched class before its folder goes."""
        java = self.gateway.jvm.java
        nowhere = java.io.PrintStream(os.devnull)
        java.lang.System.setOut(nowhere)
        java.lang.System.setErr(nowhere)
        java.lang.Class.forName("scienceworld.struct.EnvObject")

    def _describe(self, fault: Py4JJavaError) -> str:
        # py4j asks Java for this text; the first line is the exception, the rest its stack
        return self.call(lambda: str(fault)).partition("\n: ")[2].partition("\n")[0]

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip() and not line.startswith("Picked up ")]
        return f": {said[-1][:200]}" if said else ""


class _Client(GatewayClient):
    """A py4j client with one connection, whose failures are raised and not also logged and retried."""

    def __init__(self, parameters: GatewayParameters, connection: GatewayConnection) -> None:
        super().__init__(gateway_parameters=parameters)
        self._only = connection

    def send_command(self, command: str, retry: bool = True, binary: bool = False) -> str:
        return self._only.send_command(command)


def start() -> Jvm:
    """Start a Java process with the first Java that can run the simulator.

    Raises `MissingPackage` where there is no Java or no simulator, `EnvironmentCrashed` where none starts.
    """
    simulator_folder()
    *others, last = java_programs()
    for program in others:
        try:
            return Jvm(program)
        except EnvironmentCrashed:
            # a stub, or too old: the next one is the wheel's
            continue
    return Jvm(last)
