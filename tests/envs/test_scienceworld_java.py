"""Our own few Java classes, and the method added to the simulator's."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from envs.scienceworld import hashing, pool, survey
from envs.scienceworld.installed import simulator_folder
from envs.scienceworld.tasks import simplifications

pytestmark = pytest.mark.java

ONE = ["{}", "look at {}", "focus {}", "go {}", "open {}", "pick up {}", "look", "0"]
TWO = ["put {} in {}", "pour {} into {}", "use {} on {}", "connect {} to {}", "the {} a {}"]


@pytest.fixture
def simulator():
    """A simulator of the pool."""
    simulator = pool.borrow()
    yield simulator
    pool.give_back(simulator)


@pytest.mark.parametrize("name", ["boil", "test-conductivity"])
def test_the_fast_parser_understands_what_the_original_does(simulator, name, monkeypatch):
    def episode():
        chance = random.Random(name)
        simulator.load(name, 0, simplifications(name))
        seen = [simulator.step(f"go to {room}") for room in ("kitchen", "workshop", "greenhouse")]
        for _ in range(40):
            things = simulator._lines(simulator._server.getPossibleObjects)
            action = chance.choice(ONE + TWO).format(chance.choice(things), chance.choice(things))
            seen.append((action, simulator.step(action)))
        return seen

    class Original:
        @staticmethod
        def install(server):
            """Leave the parser as it is."""

    fast = episode()
    monkeypatch.setattr(simulator, "_fast_parser", Original)
    assert episode() == fast
    assert len({reply.observation for _, reply in fast[3:]}) > 10


def test_the_simulators_objects_have_a_hash_code_of_their_own(simulator):
    java = simulator.jvm.gateway.jvm.java
    methods = java.lang.Class.forName("scienceworld.struct.EnvObject").getDeclaredMethods()
    assert "public int scienceworld.struct.EnvObject.hashCode()" in {method.toString() for method in methods}


def test_nothing_else_of_the_class_changes(tmp_path):
    hashing.write_patched(simulator_folder() / "scienceworld.jar", tmp_path)
    patched = (tmp_path / hashing.CLASS).read_bytes()
    assert patched.count(b"hashCode") == 1 and len(patched) < 100_000
    if shutil.which("javap") is None:
        pytest.skip("needs javap, which is part of a JDK")

    def listing(*class_path):
        command = [
            "javap",
            "-p",
            "-c",
            "-cp",
            ":".join(map(str, class_path)),
            "scienceworld.struct.EnvObject",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return re.split(r"\n\n(?=  \w)", said.rstrip().removesuffix("}").rstrip())

    before, after = listing(simulator_folder() / "scienceworld.jar"), listing(tmp_path)
    assert after[:-1] == before
    assert "public int hashCode();" in after[-1]


def test_the_class_files_are_those_of_the_sources(tmp_path):
    compiler = shutil.which("javac")
    if (
        not compiler
        or " 17." not in subprocess.run([compiler, "-version"], capture_output=True, text=True).stdout
    ):
        pytest.skip("needs the compiler that made them, javac 17")
    folder = Path(survey.__file__).parent / "java" / "arena"
    jar = simulator_folder() / "scienceworld.jar"
    sources = sorted(folder.glob("*.java"))
    subprocess.run([compiler, "--release", "8", "-cp", jar, "-d", tmp_path, *sources], check=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "arena").iterdir()}
    assert made == {path.name: path.read_bytes() for path in folder.glob("*.class")}
