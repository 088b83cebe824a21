"""Engines out of memory, servers that flap, environments that hang or die: nothing finished is lost."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[1] / name) for name in ("arena", "servers")]
from fake_openai import serving
from playing import AnsweringEngine, ladder_plan, play, ups

from arena.engines.base import Request
from arena.engines.registry import make_engine
from arena.errors import OutOfMemory
from arena.patience import within
from arena.records import EpisodeStarted, Notice, TurnPlayed
from arena.store.reader import RunReader
from envs.errors import EnvironmentCrashed


class SmallEngine(AnsweringEngine):
    """Has memory for so many conversations at once."""

    fits = 2

    def _answer(self, request: Request) -> str:
        if self.in_flight > self.fits:
            raise OutOfMemory("There is not enough memory.")
        return "up"

    def __init__(self, concurrency: int) -> None:
        super().__init__(self._answer, concurrency)


def test_an_engine_without_memory_gets_half_as_many_episodes_and_all_are_played(ladder: type, tmp_path: Path):
    engine = SmallEngine(concurrency=8)
    tally, events = play(ladder_plan(["base"], repeats=4), tmp_path / "r", {"base": engine})
    assert (tally.owed, tally.errors) == (0, [])
    halved = [event.text for event in events if isinstance(event, Notice) and "at a time" in event.text]
    assert [text.split(".")[1].strip() for text in halved] == [
        "4 episodes at a time, not 8",
        "2 episodes at a time, not 4",
    ]
    # what was recorded before is not played again
    turns = [(event.key, event.turn.index) for event in events if isinstance(event, TurnPlayed)]
    assert len(turns) == len(set(turns))


def test_one_conversation_too_long_for_the_memory_is_an_error_of_its_own_kind(ladder: type, tmp_path: Path):
    def answer(request: Request) -> str:
        if request.task == "ladder/2":
            raise OutOfMemory("There is not enough memory.")
        return "up"

    tally, _ = play(ladder_plan(["base"]), tmp_path / "r", {"base": AnsweringEngine(answer)})
    assert (tally.done, tally.owed) == (3, 1)
    reader = RunReader(tmp_path / "r")
    (failed,) = [episode for episode in reader.episodes() if episode.status == "error"]
    assert reader.provenance(failed)["error_kind"] == "memory"


FLAPS = [
    {"status": 500, "error": "boom"},
    {"text": "up"},
    {"fault": "close"},
    {"fault": "half_body"},
    {"text": "up"},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"fault": "garbage"},
    {"text": "up"},
]


@pytest.mark.network_server
def test_a_flapping_server_costs_time_and_no_episode(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("arena.engines.openai_problem.FIRST_WAIT_S", 0.01)
    with serving([*FLAPS, *FLAPS, {"text": "up"}]) as server:
        tally, _ = play(ladder_plan(["base"]), tmp_path / "r", {"base": make_engine(server.spec)})
    assert (tally.owed, tally.errors) == (0, [])


@pytest.mark.network_server
def test_a_server_that_dies_leaves_what_is_played_and_owes_the_rest(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("arena.engines.openai_problem.FIRST_WAIT_S", 0.01)
    plan = ladder_plan(["base"])
    steps = [{"text": "up", "times": 5}, {"fault": "close"}]
    with serving(steps) as server:
        engine = make_engine(server.spec, {"retries": 2, "concurrency": 1})
        tally, _ = play(plan, tmp_path / "r", {"base": engine})
    assert 0 < tally.done < 4
    reader = RunReader(tmp_path / "r")
    kept = sum(episode.turns for episode in reader.episodes())
    assert kept == 5
    kinds = {reader.provenance(each)["error_kind"] for each in reader.episodes() if each.status == "error"}
    assert kinds == {"engine"}
    again = AnsweringEngine(ups)
    tally, _ = play(plan, tmp_path / "r", {"base": again})
    assert tally.owed == 0
    assert len(again.asked) == 10 - kept


@pytest.mark.network_server
def test_prompts_that_are_too_long_for_the_server_keep_no_other_from_being_asked(
    ladder: type, tmp_path: Path
):
    refused = {"status": 400, "error": {"message": "This model's maximum context length is exceeded"}}
    with serving([{**refused, "times": 6}, {"text": "up"}]) as server:
        engine = make_engine(server.spec, {"concurrency": 1})
        tally, events = play(ladder_plan(["base"], repeats=2), tmp_path / "r", {"base": engine})
    assert (tally.done, tally.owed) == (2, 6)
    assert all("the prompt is too long" in error for error in tally.errors)
    assert not any(isinstance(event, Notice) and "given up" in event.text for event in events)


def test_a_hung_environment_is_given_up_replaced_and_the_episode_played_again(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    released = threading.Event()
    real, hung = ladder.step, []

    def step(self, action: str):
        if self.task.id == "ladder/3" and not hung:
            hung.append(self)
            released.wait(60)
        return real(self, action)

    monkeypatch.setattr(ladder, "step", step)
    began = time.monotonic()
    tally, events = play(
        ladder_plan(["base"]), tmp_path / "r", {"base": AnsweringEngine(ups)}, step_timeout_s=0.3
    )
    assert (tally.owed, tally.errors) == (0, [])
    assert time.monotonic() - began < 30
    released.set()
    assert any(isinstance(event, Notice) and "no answer in 0.3 s" in event.text for event in events)
    started = [
        event for event in events if isinstance(event, EpisodeStarted) and event.key.task == "ladder/3"
    ]
    assert len(started) == 2


def test_an_environment_that_always_hangs_owes_its_episode_and_blocks_no_other(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    released = threading.Event()
    real = ladder.reset

    def reset(self, *, seed=None, options=None):
        if options["task"].id == "ladder/3":
            released.wait(60)
        return real(self, seed=seed, options=options)

    monkeypatch.setattr(ladder, "reset", reset)
    tally, _ = play(ladder_plan(["base"]), tmp_path / "r", {"base": AnsweringEngine(ups)}, step_timeout_s=0.1)
    released.set()
    assert (tally.done, tally.owed) == (3, 1)
    assert tally.errors == ["ladder/3, base: the environment gave no answer in 0.1 s"]


def test_what_a_call_raises_is_raised_and_no_thread_is_waited_for():
    def fails() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(within(5, fails))
    began = time.monotonic()
    with pytest.raises(EnvironmentCrashed):
        asyncio.run(within(0.05, time.sleep, 60))
    assert time.monotonic() - began < 30


@pytest.mark.java
def test_a_killed_java_process_costs_one_attempt(tmp_path: Path):
    pytest.importorskip("scienceworld")
    import subprocess

    suite = tmp_path / "suite.toml"
    suite.write_text(
        'name = "killed"\n[[tasks]]\nbenchmark = "scienceworld"\n'
        'ids = ["scienceworld/find-plant/0"]\nmax_steps = 40\n'
    )
    (tmp_path / "r.txt").write_text("\n".join(["look around"] * 40))
    run = tmp_path / "run"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "arena", "batch", str(suite), "--out", str(run), "--json"),
            *("--events", str(tmp_path / "events"), "-a", f"script:{tmp_path / 'r.txt'},latency_s=0.1"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    events = tmp_path / "events"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not (events.exists() and "turn_played" in events.read_text()):
        assert process.poll() is None, "it ended before it played"
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    javas = [int(pid) for pid in children if "java" in Path(f"/proc/{pid}/comm").read_text()]
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    for thread in threads:
        javas += [
            int(pid)
            for pid in (thread / "children").read_text().split()
            if "java" in Path(f"/proc/{pid}/comm").read_text() and int(pid) not in javas
        ]
    assert javas
    os.kill(javas[0], signal.SIGKILL)
    stdout, _ = process.communicate(timeout=150)
    assert process.returncode == 0
    (rows,) = json.loads(stdout)["contestants"].values()
    assert rows["scienceworld"]["episodes"] == 1
    reader = RunReader(run)
    attempts = reader.episodes(superseded=True)
    assert [each.status for each in attempts] == ["superseded", "done"]
