"""Sweeps of agents that fail beyond a number that is known."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.contestant import Contestant, agent_settings
from arena.engines.base import Engine, Request
from arena.errors import ArenaError, UsageError
from arena.plan import Plan
from arena.store.files import connect
from arena.suite import expand, parse_suite
from arena.sweep.axes import Point, axis_called, line_up_sweep
from arena.sweep.cliff import find_cliff
from arena.sweep.depth import judge_turns
from arena.sweep.judging import judge
from arena.sweep.suited import check_tasks
from envs import registry
from tests.arena.report.made_runs import make_run

sys.path.append(str(Path(__file__).parents[1]))
from playing import AnsweringEngine, play

SUITE = parse_suite(
    'name = "s"\n[settings]\nprotocol = "json"\nstyle = "chat"\n'
    '[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper-small"\ncount = 10\n',
    "s",
)


def planned(
    names: Sequence[str], typed: Sequence[str], most_tools: dict[str, int], tasks: int = 10
) -> tuple[Plan, dict[str, Engine]]:
    """Return agents that solve their tasks unless they see more tools than they can bear."""
    contestants, engines = [], {}
    for name, text in zip(names, typed, strict=True):
        settings = agent_settings(SUITE.settings, {"offered_tools": int(text.rpartition("=")[2])})
        contestants.append(Contestant(name, name, {}, settings, {"engine": {"name": name}}))
        most = most_tools[name.partition("-")[0]]

        def answer(request: Request, most: int = most) -> str:
            return request.oracle.expert_reply(request.turn) if len(request.tools) <= most else "I can't"

        engines[name] = AnsweringEngine(answer)
    return Plan(SUITE, contestants, expand(SUITE)[:tasks], 1), engines


def play_point(point: Point, folder: Path, most_tools: dict[str, int], tasks: int = 10) -> Path:
    run = folder / f"at-{point.value}"
    plan, engines = planned(point.names, point.typed, most_tools, tasks)
    tally, _ = play(plan, run, engines)
    assert tally.owed == 0
    return run


def test_one_agent_is_compared_with_itself_at_the_easiest_value(tmp_path: Path):
    sweep = line_up_sweep(axis_called("tools"), [8, 16, 32], ["expert"], None)
    runs = {point: play_point(point, tmp_path, {"expert": 16}) for point in sweep.points}
    (line,) = judge(sweep, runs, "valid_call_rate")
    found = find_cliff(line, "valid_call_rate", "up to")
    assert (found.kind, found.dropped) == ("cliff", "32 tools")
    assert [each.levels["valid_call_rate"] for each in line.judged] == [1.0, 0.0]
    assert line.references[0].label == "8 tools"
    assert line.judged[0].costs["prompt_tokens"] == 10


def test_of_several_each_is_compared_with_the_first_at_the_same_value(tmp_path: Path):
    sweep = line_up_sweep(axis_called("tools"), [8, 32], ["base=expert", "small=expert"], None)
    runs = {point: play_point(point, tmp_path, {"base": 64, "small": 16}) for point in sweep.points}
    (line,) = judge(sweep, runs, "success")
    assert (line.name, line.base) == ("small", "base")
    kinds = [each.verdict.kind if each.verdict else "" for each in line.judged]
    assert kinds == ["undecided", "worse"]  # 10 equal tasks rule little out
    assert [each.contestant for each in line.references] == ["base-tools-8", "base-tools-32"]


def test_only_points_that_were_played_are_judged_and_the_more_there_are_the_larger_p_gets(tmp_path: Path):
    sweep = line_up_sweep(axis_called("tools"), list(range(8, 40)), ["expert"], None)
    few = {point: play_point(point, tmp_path, {"expert": 16}, 6) for point in sweep.points[::31]}
    (line,) = judge(sweep, few, "progress")
    assert [each.value for each in line.judged] == [39]
    assert line.judged[0].verdict.kind == "worse"  # 6 of 6: p = 0.03
    more = few | {point: play_point(point, tmp_path, {"expert": 16}, 6) for point in sweep.points[20:23]}
    (line,) = judge(sweep, more, "progress")
    assert {each.verdict.kind for each in line.judged if each.verdict} == {"looks_worse"}


def test_tasks_that_cannot_be_offered_the_values_are_refused_before_anything_is_played():
    wanted = axis_called("tools")
    tools = expand(parse_suite('name = "s"\n[[tasks]]\nbenchmark = "tool-query"\nper_subset = 1\n', "s"))
    check_tasks(line_up_sweep(wanted, [21, 128], ["expert"], None), tools)
    with pytest.raises(UsageError, match="own") as few:
        check_tasks(line_up_sweep(wanted, [8, 128], ["expert"], None), tools)
    assert "begin with" in few.value.next_step
    whole = registry.tasks("worfbench")[:1]
    with pytest.raises(UsageError, match="without tools"):
        check_tasks(line_up_sweep(wanted, [8, 16], ["expert"], None), whole)


def test_tasks_without_results_cannot_be_swept_over_their_size():
    wanted = line_up_sweep(axis_called("result-size"), [0, 100], ["expert"], None)
    check_tasks(wanted, registry.tasks("pddl")[:1])
    with pytest.raises(UsageError, match="has no results"):
        check_tasks(wanted, registry.tasks("worfbench")[:1])


def test_a_recorded_run_is_judged_by_turn(tmp_path: Path):
    names = ["base", "tires"]
    settings = agent_settings(SUITE.settings, {})
    contestants = [Contestant(name, name, {}, settings, {"engine": {"name": name}}) for name in names]

    def tires(request: Request) -> str:
        return request.oracle.expert_reply(request.turn) if request.turn < 2 else "enough"

    plan = Plan(SUITE, contestants, [replace(task, max_steps=6) for task in expand(SUITE)], 1)
    engines = {
        "base": AnsweringEngine(lambda request: request.oracle.expert_reply(request.turn)),
        "tires": AnsweringEngine(tires),
    }
    play(plan, tmp_path / "run", engines)
    (line,) = judge_turns(tmp_path / "run", "valid_call_rate")
    by_label = {each.label: each for each in line.judged}
    assert by_label["turn 2"].levels["valid_call_rate"] == 1
    assert by_label["turns 3-4"].levels["valid_call_rate"] == 0
    found = find_cliff(line, "valid_call_rate", "up to")
    assert (found.kind, found.dropped) == ("cliff", "turns 3-4")
    gains = [each.levels["gain"] for each in line.references]
    assert max(gains) > 0


def test_the_only_contestant_of_a_run_is_compared_with_its_first_turn(tmp_path: Path):
    settings = agent_settings(SUITE.settings, {})
    plan = Plan(SUITE, [Contestant("a", "a", {}, settings, {"engine": {}})], expand(SUITE)[:3], 1)
    engine = AnsweringEngine(lambda request: request.oracle.expert_reply(request.turn))
    play(plan, tmp_path / "run", {"a": engine})
    (line,) = judge_turns(tmp_path / "run", "gain")
    assert line.reference == "its own turn 1"
    assert line.judged[0].label == "turn 2"


def test_by_turn_only_what_a_log_tells_and_what_was_graded_alike_is_compared(tmp_path: Path):
    ones = {"alpha": [1.0] * 10}
    made = make_run(tmp_path / "run", {"base": ones, "small": ones}, gradings={"small": 2})
    (line,) = judge_turns(made, "gain")
    assert [each.difference for each in line.judged] == [None]
    assert not line.references
    with closing(connect(made, write=True)) as db:
        db.execute('UPDATE episode SET provenance = \'{"absent": ["progress", "tokens"]}\'')
        db.commit()
    (line,) = judge_turns(made, "gain")
    assert [(each.difference, each.levels["gain"], each.costs["tokens"]) for each in line.judged] == [
        (None, None, None)
    ]
    assert find_cliff(line, "gain", "up to").kind == "nothing"
    (line,) = judge_turns(made, "valid_call_rate")
    assert line.judged[0].difference is not None


def test_runs_without_finished_episodes_and_names_of_any_kind_are_no_trouble_by_turn(tmp_path: Path):
    runner = CliRunner()
    failed = make_run(tmp_path / "failed", {"base": {"alpha": [None]}, "small": {"alpha": [None]}})
    with pytest.raises(ArenaError, match="no episode of failed is finished"):
        runner.invoke(app, ["sweep", "turns", "--run", str(failed)], catch_exceptions=False)
    ones = {"alpha": [1.0] * 5}
    made = make_run(tmp_path / "run", {"base": {"alpha": [None]}, "_a$\\x$": ones, "b": {"alpha": [None]}})
    done = runner.invoke(app, ["sweep", "turns", "--run", str(made), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "nothing can be compared yet" in done.output


@pytest.fixture
def bears_20_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    def line_up(suite: object, typed: Sequence[str], limit: int | None, **others: object):
        names = [text.partition("=")[0] for text in typed]
        return planned(names, typed, {"agent": 20}, limit or 10)

    monkeypatch.setattr("arena.lineup.line_up", line_up)


def sweep(*arguments: str) -> tuple[int, dict]:
    done = CliRunner().invoke(app, ["sweep", *arguments, "-q", "--json"], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def test_bisecting_finds_the_cliff_with_few_runs_and_the_same_command_plays_nothing_again(
    bears_20_tools: None, tmp_path: Path
):
    command = "tools", "8..39", "-a", "agent=expert", "--measure", "success", "--bisect"
    code, document = sweep(*command, "--out", str(tmp_path / "out"))
    (line,) = document["lines"]
    assert code == 0
    assert (line["cliff"]["kind"], line["cliff"]["dropped"]) == ("cliff", "21 tools")
    assert {8, 20, 21, 39} <= {8, *(each["value"] for each in line["values"])}
    runs = sorted((tmp_path / "runs").glob("*/run.sqlite"))
    assert len(runs) <= 7
    assert len(document["unplayed"]) == 32 - len(runs)
    assert json.loads((tmp_path / "out/sweep.json").read_text()) == document

    written = [run.stat().st_size for run in runs]
    code, again = sweep(*command)
    assert (code, again) == (0, document)
    assert [run.stat().st_size for run in runs] == written
    assert sorted((tmp_path / "runs").glob("*/run.sqlite")) == runs


def test_without_bisecting_every_value_is_played(bears_20_tools: None, tmp_path: Path):
    code, document = sweep("tools", "32", "8", "16", "-a", "agent=expert", "--limit", "6")
    assert code == 0
    assert document["unplayed"] == []
    assert [each["value"] for each in document["lines"][0]["values"]] == [16, 32]
