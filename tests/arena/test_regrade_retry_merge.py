import asyncio
import sqlite3
import tomllib
from pathlib import Path

import pytest
import tomli_w

from arena.engines.script import ScriptEngine
from arena.errors import EngineError, StoreError, UsageError
from arena.lineup import line_up, parse_shard
from arena.merge import merge
from arena.plan import Plan, check_same_plan, read_plan
from arena.rebuild import recorded_line_up, recorded_plan
from arena.regrade import regrade
from arena.run import GRADING_VERSION, play_run
from arena.store.reader import RunReader
from arena.suite import parse_suite
from arena.taking import take
from envs.errors import EnvironmentCrashed

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


def rewritten(run: Path, name: str, **changes) -> None:
    document = tomllib.loads((run / "run.toml").read_text())
    (contestant,) = (each for each in document["contestants"] if each["name"] == name)
    contestant |= changes
    (run / "run.toml").write_text(tomli_w.dumps(document))


def test_a_run_file_sends_the_key_to_no_other_machine_unless_it_is_trusted(
    ladder: type, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "r"
    plan, engines = planned(f"s={script}", "x=openai:http://127.0.0.1:9/v1#m,retries=0")
    played(run, plan, engines, only=plan.episodes()[:1])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    recorded_line_up(run)
    for address in ("http://evil.example/v1", "http://127.0.0.1.evil.example/v1", "http://[::1/v1"):
        rewritten(run, "x", spec=f"openai:{address}?api-version=2#m")
        with pytest.raises(UsageError, match="x would send the API key to") as refused:
            recorded_line_up(run)
        assert "--trust" in refused.value.next_step
    rewritten(run, "x", spec="openai:http://evil.example/v1#m")
    with pytest.raises(UsageError, match=r"to http://evil\.example/v1, as .*run\.toml says"):
        recorded_line_up(run)
    assert list(recorded_line_up(run, trusted=True)[1]) == ["s", "x"]
    # without a key there is nothing to lose
    monkeypatch.delenv("OPENAI_API_KEY")
    assert list(recorded_line_up(run)[1]) == ["s", "x"]


def test_a_run_file_has_no_models_own_code_run_unless_it_is_trusted(
    ladder: type, tmp_path: Path, script: str
):
    run = tmp_path / "r"
    played(run, *planned(f"s={script}"))
    rewritten(run, "s", spec="hf:nobody/evil", options={"trust_remote_code": True})
    with pytest.raises(UsageError, match="s would run the code of hf:nobody/evil"):
        recorded_line_up(run)


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
    monkeypatch.setattr("arena.regrade.GRADING_VERSION", 9)
    monkeypatch.setattr("arena.run.GRADING_VERSION", 9)
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
    assert {reader.provenance(head)["grading_version"] for head in reader.episodes()} == {9}
    assert {reader.provenance(head)["regraded_from"] for head in reader.episodes()} == {GRADING_VERSION}
    two = next(head for head in reader.episodes() if head.key.task == "ladder/2")
    assert (two.progress, two.turns) == (1.0, 2)
    assert [turn.reply for turn in reader.turns(two)] == ["up", "climb"]
    # and nothing is owed: the same command has nothing to play
    assert played(run, *planned(f"s={script}")).owed == 0


def test_an_environment_that_crashes_while_regrading_is_no_score(
    ladder: type, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "r"
    played(run, *planned(f"s={script}"))
    before = heads(run)
    real = ladder._apply

    def crashes(self, action: str):
        if self.task.id == "ladder/3" and self._rung == 1:
            raise EnvironmentCrashed("the ladder fell over")
        return real(self, action.replace("climb", "up"))

    monkeypatch.setattr(ladder, "_apply", crashes)
    graded = {each.episode.key.task: each for each in asyncio.run(regrade(run))}
    assert graded["ladder/3"].crash == "the ladder fell over"
    assert not graded["ladder/3"].moved
    # as it was, while those that moved are recorded
    assert {head.key.task for head in before if head in heads(run)} == {"ladder/1", "ladder/3"}
    assert {task for task, each in graded.items() if each.moved} == {"ladder/2", "ladder/4"}


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


def test_contestants_that_are_not_chosen_stay_behind(ladder: type, tmp_path: Path, script: str):
    for name, typed in (("a", [f"s={script}", "random"]), ("b", ["expert", f"t={script},temperature=0.5"])):
        played(tmp_path / name, *planned(*typed))
    runs = [tmp_path / "a", tmp_path / "b"]
    document = merge(runs, tmp_path / "ab", ["s", "expert"])
    assert [name for name, _ in document["plan"]["contestants"]] == ["s", "expert"]
    check_same_plan(planned(f"s={script}", "expert")[0], tmp_path / "ab")
    assert {head.key.contestant for head in heads(tmp_path / "ab", superseded=True)} == {"s", "expert"}
    db = sqlite3.connect(tmp_path / "ab/run.sqlite")
    turns, episodes = (
        db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("turn", "episode")
    )
    (orphans,) = db.execute(
        "SELECT COUNT(*) FROM turn WHERE episode_id NOT IN (SELECT id FROM episode)"
    ).fetchone()
    db.close()
    assert turns > episodes > 0
    assert orphans == 0
    with pytest.raises(UsageError, match="no run has a contestant 'nobody'"):
        merge(runs, tmp_path / "none", ["s", "nobody"])
    assert not (tmp_path / "none").exists()


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


def test_a_part_that_holds_no_task_is_refused(ladder: type, script: str):
    assert len(planned(f"s={script}", limit=2, shard=(2, 5))[0].tasks) == 1
    with pytest.raises(UsageError, match="part 3/5 has nothing to play: there are 2 tasks"):
        planned(f"s={script}", limit=2, shard=(3, 5))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0"])
def test_a_shard_that_is_no_part_of_a_whole_is_refused(text: str):
    with pytest.raises(UsageError, match="no part of a whole"):
        parse_shard(text)


def test_what_another_run_has_finished_is_taken_and_only_the_rest_is_played(
    ladder: type, tmp_path: Path, script: str
):
    played(tmp_path / "old", *planned(f"s={script}", limit=2))
    before = heads(tmp_path / "old")
    # more tasks, and a contestant more
    plan, engines = planned(f"s={script}", "random")
    assert take([tmp_path / "old"], plan, tmp_path / "new") == [2]
    tally = played(tmp_path / "new", plan, engines)
    assert (tally.done, tally.owed, tally.planned) == (tally.planned, 0, len(plan.episodes()))
    taken = [head for head in heads(tmp_path / "new") if head.key in {each.key for each in before}]
    assert [(head.key, head.started_at, head.progress) for head in taken] == [
        (head.key, head.started_at, head.progress) for head in before
    ]
    reader, old = RunReader(tmp_path / "new"), RunReader(tmp_path / "old")
    assert [reader.turns(head) for head in taken] == [old.turns(head) for head in before]
    # taken twice, or over what was played here, nothing changes
    assert take([tmp_path / "old"], plan, tmp_path / "new") == [0]
    assert heads(tmp_path / "old") == before


def test_only_finished_episodes_of_the_same_contestants_and_tasks_are_taken(
    ladder: type, tmp_path: Path, script: str
):
    other = tmp_path / "other.txt"
    other.write_text("down\n")
    played(tmp_path / "old", *planned(f"s={script}", f"o={script}", limit=2))
    run = sqlite3.connect(tmp_path / "old" / "run.sqlite")
    run.execute(
        "UPDATE episode SET status = 'error' WHERE id = (SELECT id FROM episode WHERE contestant = 's')"
    )
    run.commit()
    run.close()
    # o is another contestant now
    plan, _ = planned(f"s={script}", f"o=script:{other}", limit=2, repeats=2)
    finished = [
        head for head in heads(tmp_path / "old") if head.status == "done" and head.key.contestant == "s"
    ]
    expected = [head.key for head in finished]
    assert len(expected) == 1
    assert take([tmp_path / "old"], plan, tmp_path / "new") == [1]
    assert [head.key for head in heads(tmp_path / "new", superseded=True)] == expected


def test_a_run_of_other_settings_or_the_run_itself_is_not_taken(ladder: type, tmp_path: Path, script: str):
    played(tmp_path / "old", *planned(f"s={script}"))
    suite = parse_suite(SUITE.replace("max_tokens = 9", "max_tokens = 10"), "l.toml")
    plan, _ = line_up(suite, [f"s={script}"])
    with pytest.raises(UsageError, match="other settings"):
        take([tmp_path / "old"], plan, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="into itself"):
        take([tmp_path / "old"], planned(f"s={script}")[0], tmp_path / "old")
    with pytest.raises(StoreError, match=r"run\.toml"):
        take([tmp_path / "gone"], plan, tmp_path / "new")
