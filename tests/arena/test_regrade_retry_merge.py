import asyncio
import sqlite3
from pathlib import Path

import pytest

from arena.engines.script import ScriptEngine
from arena.errors import EngineError, StoreError, UsageError
from arena.lineup import line_up, parse_shard
from arena.merge import merge
from arena.plan import Plan, check_same_plan, read_plan
from arena.rebuild import recorded_line_up, recorded_plan
from arena.regrade import regrade
from arena.run import play_run
from arena.store.reader import RunReader
from arena.suite import parse_suite

SUITE = 'name = "l"\n[settings]\nmax_tokens = 9\nstop = ["x"]\n[[tasks]]\nbenchmark = "ladder"\n'


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "replies.txt"
    path.write_text("up\nclimb\nup\ndown\nup\nup\n")
    return f"script:{path}"


def planned(*typed: str, **options):
    return line_up(parse_suite(SUITE, "l.toml"), typed, **options)


def played(run: Path, plan: Plan, engines: dict, **how):
    return asyncio.run(play_run(plan, run, engines, lambda event: None, **how))


def heads(run: Path, *, superseded: bool = False):
    reader = RunReader(run)
    try:
        return reader.episodes(superseded=superseded)
    finally:
        reader.close()


def test_a_plan_comes_back_from_its_run_whole(ladder: type, tmp_path: Path, script: str):
    plan, engines = planned(f"s={script},temperature=0.5", "random", repeats=2)
    played(tmp_path / "r", plan, engines)
    again = recorded_plan(tmp_path / "r")
    assert again.content() == plan.content()
    assert [each.settings for each in again.contestants] == [each.settings for each in plan.contestants]
    check_same_plan(recorded_line_up(tmp_path / "r")[0], tmp_path / "r")


def test_a_contestant_that_is_no_longer_what_it_was_is_not_mixed_in(
    ladder: type, tmp_path: Path, script: str
):
    played(tmp_path / "r", *planned(f"s={script}"))
    Path(script.partition(":")[2]).write_text("down\n")
    with pytest.raises(StoreError, match=r"s is not what it was when .*content was"):
        recorded_line_up(tmp_path / "r")


def test_retrying_plays_the_errored_episodes_on_and_no_others(
    ladder: type, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
):
    real = ScriptEngine.complete

    async def breaks(self, requests):
        if requests[0].task == "ladder/3" and requests[0].turn == 2:
            raise EngineError("connection lost")
        return await real(self, requests)

    monkeypatch.setattr(ScriptEngine, "complete", breaks)
    run = tmp_path / "r"
    assert played(run, *planned(f"s={script}")).owed == 1
    monkeypatch.setattr(ScriptEngine, "complete", real)
    plan, engines = recorded_line_up(run)
    errored = [head.key for head in heads(run) if head.status == "error"]
    assert [key.task for key in errored] == ["ladder/3"]
    assert played(run, plan, engines, only=errored).owed == 0
    assert all(head.attempt == 1 for head in heads(run, superseded=True))


def test_nothing_moves_where_nothing_has_changed_and_nothing_is_written(
    ladder: type, tmp_path: Path, script: str
):
    run = tmp_path / "r"
    played(run, *planned(f"s={script}", "random"))
    graded = asyncio.run(regrade(run))
    assert len(graded) == 8
    assert not any(each.moved or each.apart for each in graded)
    assert len(heads(run, superseded=True)) == 8


def test_regrading_scores_the_recorded_replies_anew_and_keeps_the_old_scores(
    ladder: type, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "r"
    played(run, *planned(f"s={script}"))
    before = {head.key.task: head for head in heads(run)}
    real = ladder._apply
    # from today on `climb` is an action too
    monkeypatch.setattr(ladder, "_apply", lambda self, action: real(self, action.replace("climb", "up")))
    monkeypatch.setattr("arena.regrade.GRADING_VERSION", 2)
    monkeypatch.setattr("arena.run.GRADING_VERSION", 2)
    dry = asyncio.run(regrade(run, record=False))
    assert {head.id for head in heads(run)} == {head.id for head in before.values()}
    graded = asyncio.run(regrade(run))
    assert [each.progress for each in dry] == [each.progress for each in graded]
    moved = {each.episode.key.task: each for each in graded if each.moved}
    assert moved.keys() == {"ladder/2", "ladder/3", "ladder/4"}
    assert moved["ladder/2"].success
    now = heads(run, superseded=True)
    assert [head.status for head in now] == ["superseded"] * 4 + ["done"] * 4
    reader = RunReader(run)
    assert {reader.provenance(head)["grading_version"] for head in reader.episodes()} == {2}
    assert {reader.provenance(head)["regraded_from"] for head in reader.episodes()} == {1}
    two = next(head for head in reader.episodes() if head.key.task == "ladder/2")
    assert (two.progress, two.turns) == (1.0, 2)
    assert [turn.reply for turn in reader.turns(two)] == ["up", "climb"]
    # and nothing is owed: the same command has nothing to play
    assert played(run, *planned(f"s={script}")).owed == 0


def test_shards_join_to_the_run_of_the_whole_suite(ladder: type, tmp_path: Path, script: str):
    whole, engines = planned(f"s={script}")
    played(tmp_path / "whole", whole, engines)
    for index in (1, 2, 3):
        played(tmp_path / str(index), *planned(f"s={script}", shard=(index, 3)))
    merge([tmp_path / "1", tmp_path / "2", tmp_path / "3"], tmp_path / "m")
    assert read_plan(tmp_path / "m")["plan"] == read_plan(tmp_path / "whole")["plan"]
    assert read_plan(tmp_path / "m")["merged"] == ["1", "2", "3"]
    assert played(tmp_path / "m", whole, planned(f"s={script}")[1]).owed == 0
    scores = [
        sorted((h.key.task, h.progress, h.turns) for h in heads(tmp_path / name)) for name in ("m", "whole")
    ]
    assert scores[0] == scores[1]
    db = sqlite3.connect(tmp_path / "m/run.sqlite")
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_contestants_that_were_played_apart_meet_in_one_run(ladder: type, tmp_path: Path, script: str):
    played(tmp_path / "a", *planned(f"s={script}"))
    played(tmp_path / "b", *planned("random"))
    plan = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")["plan"]
    assert [name for name, _ in plan["contestants"]] == ["s", "random"]
    assert len(heads(tmp_path / "m")) == 8


def test_of_an_episode_that_two_runs_hold_the_finished_one_counts(ladder: type, tmp_path: Path, script: str):
    plan, engines = planned(f"s={script}")
    played(tmp_path / "a", plan, engines, only=plan.episodes()[:2])
    db = sqlite3.connect(tmp_path / "a/run.sqlite")
    db.execute("UPDATE episode SET status = 'error' WHERE id = 1")
    db.commit()
    played(tmp_path / "b", *planned(f"s={script}"))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    assert [head.status for head in heads(tmp_path / "m")] == ["done"] * 4
    kept = heads(tmp_path / "m", superseded=True)
    assert sorted(head.status for head in kept) == ["done"] * 4 + ["superseded"] * 2


def test_two_models_are_never_mixed_under_one_name(ladder: type, tmp_path: Path, script: str):
    played(tmp_path / "a", *planned(f"x={script}"))
    played(tmp_path / "b", *planned("x=random"))
    with pytest.raises(UsageError, match="x is another contestant"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    assert not (tmp_path / "m/run.sqlite").exists()


def test_runs_with_other_settings_are_not_merged(ladder: type, tmp_path: Path, script: str):
    played(tmp_path / "a", *planned(f"s={script}"))
    other = parse_suite(SUITE.replace("max_tokens = 9", "max_tokens = 8"), "l.toml")
    played(tmp_path / "b", *line_up(other, [f"s={script}"]))
    with pytest.raises(UsageError, match="other settings"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0"])
def test_a_shard_that_is_no_part_of_a_whole_is_refused(text: str):
    with pytest.raises(UsageError, match="no part of a whole"):
        parse_shard(text)
