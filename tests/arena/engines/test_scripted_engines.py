"""Engines without a model: the expert, the random player, and scripts."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest

from arena.engines.expert import ExpertEngine
from arena.engines.random_actions import RandomEngine
from arena.engines.replay import ReplayEngine
from arena.engines.script import ScriptEngine
from arena.errors import EngineError, UsageError
from arena.lineup import line_up
from arena.merge import merge
from arena.plan import read_plan
from arena.run import play_run
from arena.store.reader import RunReader
from arena.suite import parse_suite
from tests.arena.engines.asking import NoOracle, Oracle, request
from tests.arena.playing import AnsweringEngine, ladder_plan, ups

TWICE = """
name = "twice"
[[tasks]]
benchmark = "ladder"
ids = ["ladder/2"]
settings = { protocol = "text" }
[[tasks]]
benchmark = "ladder"
ids = ["ladder/2"]
settings = { protocol = "json" }
"""
VALID = [f"Action: go {room}" for room in "abcdef"]


def written(path: Path, *entries: dict) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


async def reply(engine, **wanted) -> str:
    (completion,) = await engine.complete([request(**wanted)])
    return completion.text


async def test_the_expert_plays_its_plan_and_then_nothing():
    oracle = Oracle(plan=["open door", "go north"])
    replies = [await reply(ExpertEngine(), turn=turn, oracle=oracle) for turn in range(3)]
    assert replies == ["open door", "go north", ""]


@pytest.mark.parametrize("engine", [ExpertEngine(), RandomEngine()])
async def test_a_slow_environment_holds_up_nobody(engine):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await reply(engine, oracle=Oracle(plan=["x"], valid=["x"], slow_s=0.3))
    ticking.cancel()
    assert ticks > 10


async def test_a_benchmark_without_expert_or_valid_actions_is_said_in_a_sentence():
    with pytest.raises(EngineError, match="pddl/gripper/0 has no expert"):
        await reply(ExpertEngine(), oracle=NoOracle())
    with pytest.raises(EngineError, match="can't list its valid actions"):
        await reply(RandomEngine(), oracle=NoOracle())


async def test_random_choices_do_not_depend_on_company_or_on_the_order_of_the_list():
    turns = range(30)
    alone = [await reply(RandomEngine(), turn=turn, oracle=Oracle(valid=VALID)) for turn in turns]
    mixed = [request(turn=turn, oracle=Oracle(valid=VALID[::-1] * 2)) for turn in reversed(turns)]
    together = await RandomEngine().complete(mixed)
    assert [completion.text for completion in reversed(together)] == alone
    assert len(set(alone)) > 3


async def test_random_choices_differ_between_seeds_tasks_and_repeats():
    async def choices(**wanted) -> list[str]:
        oracle = Oracle(valid=[str(i) for i in range(1000)])
        return [await reply(RandomEngine(), turn=turn, oracle=oracle, **wanted) for turn in range(5)]

    games = [
        await choices(),
        await choices(seed=1),
        await choices(task="pddl/gripper/1"),
        await choices(repeat=1),
    ]
    assert len({tuple(game) for game in games}) == 4


async def test_random_choices_are_uniform_over_distinct_actions():
    valid = ["a", "a", "a", "b"]
    asked = [request(turn=turn, oracle=Oracle(valid=valid)) for turn in range(1000)]
    counts = Counter(completion.text for completion in await RandomEngine().complete(asked))
    assert 400 < counts["a"] < 600


async def test_random_has_nothing_to_say_where_nothing_is_valid():
    assert await reply(RandomEngine(), oracle=Oracle(valid=[])) == ""


def test_identities_are_fixed_and_without_paths(tmp_path: Path):
    assert ExpertEngine().identity() == {"engine": "expert", "version": 1}
    assert RandomEngine().identity() == {"engine": "random", "version": 1}
    here, there = tmp_path / "a.txt", tmp_path / "b.txt"
    here.write_text("look\n")
    there.write_text("look\n")
    other = written(tmp_path / "c.jsonl", {"task": "*", "replies": ["look", ""]})
    assert ScriptEngine(str(here)).identity() == ScriptEngine(str(there), latency_s=1).identity()
    assert ScriptEngine(str(here)).identity() != ScriptEngine(str(other)).identity()


async def test_a_text_script_plays_a_line_a_turn_and_then_nothing(tmp_path: Path):
    script = tmp_path / "s.txt"
    script.write_text("look\n\nAction: go north é\n", encoding="utf-8")
    engine = ScriptEngine(str(script))
    assert [await reply(engine, turn=turn) for turn in range(5)] == ["look", "", "Action: go north é", "", ""]
    assert await reply(engine, turn=0, task="another/task/1") == "look"


async def test_a_jsonl_script_plays_the_first_pattern_that_matches(tmp_path: Path):
    script = written(
        tmp_path / "s.jsonl",
        {"task": "pddl/gripper/0", "replies": ["two\nlines"]},
        {"task": "pddl/gripper/*", "replies": ["any gripper"]},
    )
    engine = ScriptEngine(str(script))
    assert await reply(engine, task="pddl/gripper/0") == "two\nlines"
    assert await reply(engine, task="pddl/gripper/7") == "any gripper"
    assert await reply(engine, task="pddl/barman/0") == ""


async def test_a_script_takes_its_time_and_streams_its_words_meanwhile(tmp_path: Path):
    script = tmp_path / "s.txt"
    script.write_text("one two three four\n")
    engine = ScriptEngine(str(script), latency_s=0.2)
    pieces: list[tuple[float, str]] = []
    began = time.perf_counter()
    completions = await engine.complete(
        [request(on_text=lambda text: pieces.append((time.perf_counter() - began, text))), request()]
    )
    assert "".join(text for _, text in pieces) == completions[0].text == completions[1].text
    assert len(pieces) == 4
    assert pieces[0][0] < pieces[-1][0] - 0.1
    took = [completion.latency_s for completion in completions]
    assert min(took) >= 0.2
    assert time.perf_counter() - began < sum(took)  # both at once, not one after the other


async def test_a_replay_may_be_closed_and_started_again(ladder: type, tmp_path: Path):
    plan = ladder_plan(["base"])
    await play_run(plan, tmp_path / "r", {"base": AnsweringEngine(ups)}, lambda event: None)
    engine = ReplayEngine(str(tmp_path / "r"))
    before = engine.identity()
    for _ in range(2):
        await engine.start()
        assert await reply(engine, task="ladder/2", turn=1) == "up"
        await engine.close()
        with pytest.raises(EngineError, match="is not started"):
            await reply(engine, task="ladder/2")
    assert engine.identity() == before


async def test_a_task_that_a_suite_plays_twice_is_replayed_as_each_was(ladder: type, tmp_path: Path):
    plan, _ = line_up(parse_suite(TWICE, "twice"), ["expert"])
    run = tmp_path / "r"
    await play_run(plan, run, {"expert": ExpertEngine()}, lambda event: None)
    again, engines = line_up(parse_suite(TWICE, "twice"), [f"again=replay:{run}"])
    await play_run(again, tmp_path / "again", engines, lambda event: None)
    reader = RunReader(tmp_path / "again")
    try:
        assert [head.success for head in reader.episodes()] == [True, True]
    finally:
        reader.close()
    merge([run, tmp_path / "again"], tmp_path / "both")
    assert len(read_plan(tmp_path / "both")["plan"]["tasks"]) == 2


async def test_a_cancelled_script_stops_at_once(tmp_path: Path):
    script = tmp_path / "s.txt"
    script.write_text("one\n")
    engine = ScriptEngine(str(script), latency_s=30)
    waiting = asyncio.create_task(engine.complete([request()]))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await engine.close()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("s.json", b"{}", "neither .txt .* nor .jsonl"),
        ("s.txt", b"", "holds no replies"),
        ("s.txt", b"ok\n\xff\n", "s.txt, line 2: not UTF-8"),
        ("s.jsonl", b"\n", "holds no replies"),
        ("s.jsonl", b'{"task": "*", "replies": []}\n{"task"', "s.jsonl, line 2: not JSON"),
        ("s.jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("s.jsonl", b'\n{"task": "*"}', 'line 2: a line is {"task"'),
        ("s.jsonl", b'{"task": 1, "replies": []}', "line 1: task is not a string"),
        ("s.jsonl", b'{"task": "*", "replies": [1]}', "line 1: replies is not a list of strings"),
    ],
)
def test_a_broken_script_is_refused_with_file_and_line(
    tmp_path: Path, name: str, content: bytes, complaint: str
):
    script = tmp_path / name
    script.write_bytes(content)
    with pytest.raises(UsageError, match=complaint):
        ScriptEngine(str(script))


def test_a_missing_script_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="can't be read: No such file"):
        ScriptEngine(str(tmp_path / "none.txt"))
