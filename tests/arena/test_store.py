import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.errors import StoreError, UsageError
from arena.protocol.base import Failure, FailureKind
from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Notice, Turn, TurnPlayed
from arena.store.files import connect, create_database, writer_lock
from arena.store.reader import RunReader, all_events
from arena.store.writer import RunWriter
from envs.base import Task

TASK = Task("toy/a/0", "toy", "a", "bundled", 0, 5, "easy", {"n": 1}, goal="count to 1")
KEY = EpisodeKey("base", TASK.id, TASK.hash, 0, 0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    create_database(tmp_path)
    return tmp_path


def turn(index: int, **changes) -> Turn:
    values = {
        "index": index,
        "observation": f"saw {index}",
        "reply": f"reply {index}",
        "thought": "",
        "action": "go",
        "failure": None,
        "outcome": f"saw {index + 1}",
        "valid": True,
        "progress": 0.25,
        "success": False,
        "subgoals": {"a": True},
        "prompt_tokens": 7,
    }
    return Turn(**(values | changes))


def test_what_is_written_is_read_back_whole(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, recorded = writer.begin(KEY, {"grading_version": 1})
    assert recorded == []
    episode.begin("the goal", "saw 0")
    failure = Failure(FailureKind.WRONG_TYPE, (3, 9), "an integer", '"x"', "$.arguments.n", '{"name":"go"}')
    turns = [turn(0), turn(1, action=None, failure=failure, valid=False)]
    for each in turns:
        episode.append(each)
    episode.end(EpisodeEnded(KEY, "done", 0.25, False, 2))

    reader = RunReader(run)
    (head,) = reader.episodes()
    assert (head.key, head.status, head.goal, head.turns, head.progress) == (KEY, "done", "the goal", 2, 0.25)
    assert reader.turns(head) == turns
    assert reader.tasks() == [TASK]
    assert KEY.unique in writer.done()


def test_an_unfinished_attempt_is_taken_up_with_its_turns(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    episode.append(turn(0))
    writer.close()

    again = RunWriter(run)
    resumed, recorded = again.begin(KEY, {})
    assert resumed.id == episode.id
    assert recorded == [turn(0)]
    assert KEY.unique not in again.done()


def test_a_failed_attempt_keeps_its_turns_and_is_owed(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    episode.append(turn(0))
    ended = episode.fail(KEY, "server down")
    assert (ended.status, ended.turns, ended.error) == ("error", 1, "server down")
    assert KEY.unique not in writer.done()
    _, recorded = writer.begin(KEY, {})
    assert recorded == [turn(0)]


def test_an_attempt_that_broke_its_environment_is_set_aside_not_deleted(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    crash = Failure(FailureKind.ENVIRONMENT_ERROR, (0, 0), "an environment that answers", "JVM died")
    episode.append(turn(0, failure=crash))
    episode.fail(KEY, "JVM died")
    anew, recorded = writer.begin(KEY, {})
    assert recorded == []
    assert anew.id != episode.id
    reader = RunReader(run)
    assert [(each.attempt, each.status) for each in reader.episodes(superseded=True)] == [
        (1, "superseded"),
        (2, "running"),
    ]
    assert len(reader.episodes()) == 1


def test_the_database_itself_refuses_a_second_attempt_that_counts(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    writer.begin(KEY, {})
    row = "INSERT INTO episode (contestant, task_hash, task, seed, repeat, attempt, status, started_at)"
    with pytest.raises(sqlite3.IntegrityError):
        writer._db.execute(f"{row} VALUES ('base', ?, ?, 0, 0, 2, 'running', 0)", (TASK.hash, TASK.id))


def test_a_reader_follows_a_live_run_in_the_order_of_play(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    reader = RunReader(run)
    assert reader.follow(0) == ([], 0)

    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    episode.append(turn(0))
    events, last = reader.follow(0)
    assert events == [EpisodeStarted(KEY, "g", "saw 0", 5, 0), TurnPlayed(KEY, turn(0))]

    episode.append(turn(1))
    episode.end(EpisodeEnded(KEY, "done", 0.25, False, 2))
    writer.note(Notice("all done", {"n": 1}))
    events, last = reader.follow(last)
    assert events == [
        TurnPlayed(KEY, turn(1)),
        EpisodeEnded(KEY, "done", 0.25, False, 2),
        Notice("all done", {"n": 1}),
    ]
    assert reader.follow(last) == ([], last)
    assert len(list(all_events(run))) == 5


@given(reply=st.text(), outcome=st.text(), subgoal=st.text())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_the_store(tmp_path: Path, reply: str, outcome: str, subgoal: str):
    (tmp_path / "run.sqlite").unlink(missing_ok=True)
    create_database(tmp_path)
    writer = RunWriter(tmp_path)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    written = turn(0, reply=reply, outcome=outcome, subgoals={subgoal: True})
    episode.append(written)
    reader = RunReader(tmp_path)
    assert reader.turns(reader.episodes()[0]) == [written]
    reader.close()
    writer.close()


def test_another_schema_version_is_refused_in_one_sentence(run: Path):
    db = sqlite3.connect(run / "run.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.commit()
    with pytest.raises(StoreError, match="schema version 99, this Arena reads 1"):
        connect(run)


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\x00" + b"\xff" * 2000])
def test_a_torn_database_is_one_clear_error(tmp_path: Path, content: bytes):
    (tmp_path / "run.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match=r"run\.sqlite"):
        connect(tmp_path)


def damage(run: Path) -> None:
    """Write over all of a run's database but its first page."""
    path = run / "run.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    for log in ("-wal", "-shm"):
        path.with_name(path.name + log).unlink(missing_ok=True)


def test_damage_behind_the_first_page_is_one_clear_error_for_readers_and_the_writer(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    writer.begin(KEY, {})[0].begin("goal", "saw")
    writer.close()
    damage(run)
    reader = RunReader(run)
    for read in (reader.tasks, reader.episodes, reader.last_event, reader.follow, reader.costs):
        with pytest.raises(StoreError, match=r"run\.sqlite can't be read as a run"):
            read()
    with closing(connect(run)) as db, pytest.raises(StoreError, match="can't be read as a run"):
        db.execute("SELECT * FROM episode").fetchall()
    reader.close()
    writer = RunWriter(run)
    for write in (writer.done, lambda: writer.add_tasks([TASK]), lambda: writer.begin(KEY, {})):
        with pytest.raises(StoreError, match="can't be written"):
            write()
    writer.close()


def test_damage_that_is_met_on_the_way_through_the_rows_is_the_same_error(run: Path):
    writer = RunWriter(run)
    for _ in range(500):
        writer.note(Notice("x" * 500))
    writer.close()
    path = run / "run.sqlite"
    whole = bytearray(path.read_bytes())
    place = whole.rfind(b"x" * 400) // 4096 * 4096
    whole[place : place + 4096] = b"\xa5" * 4096
    path.write_bytes(whole)
    with closing(connect(run)) as db, pytest.raises(StoreError, match="can't be read as a run"):
        for _ in db.execute("SELECT * FROM event"):
            pass


@pytest.mark.parametrize("column", ["failure", "subgoals", "scores"])
@pytest.mark.parametrize("found", ["{", "[" * 100_000, '{"kind": "no such kind"}'])
def test_a_turn_whose_json_was_edited_is_one_clear_error(run: Path, column: str, found: str):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("the goal", "saw 0")
    episode.append(turn(0))
    with closing(sqlite3.connect(run / "run.sqlite")) as db, db:
        db.execute(f"UPDATE turn SET {column} = ?", (found,))
    reader = RunReader(run)
    (head,) = reader.episodes()
    if found.startswith('{"') and column != "failure":  # JSON as good as any other
        assert reader.turns(head)
        return
    with pytest.raises(StoreError, match="can't be read"):
        reader.turns(head)


@pytest.mark.parametrize("found", ["{", "[]", '{"id": "toy/a/0"}'])
def test_a_task_whose_json_was_edited_is_one_clear_error(run: Path, found: str):
    RunWriter(run).add_tasks([TASK])
    with closing(sqlite3.connect(run / "run.sqlite")) as db, db:
        db.execute("UPDATE task SET data = ?", (found,))
    with pytest.raises(StoreError, match="a task of the run can't be read"):
        RunReader(run).tasks()


def test_a_writer_that_can_not_end_its_log_says_so_in_one_sentence(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    writer._db.close()
    with pytest.raises(StoreError, match="can't be written"):
        writer.close()


def test_a_run_has_one_writer(run: Path):
    with writer_lock(run), pytest.raises(UsageError, match="is being played by process"), writer_lock(run):
        pass
    with writer_lock(run):
        pass


def test_a_full_disk_is_an_error_that_loses_nothing(run: Path):
    writer = RunWriter(run)
    writer.add_tasks([TASK])
    episode, _ = writer.begin(KEY, {})
    episode.begin("g", "saw 0")
    episode.append(turn(0))
    (pages,) = writer._db.execute("PRAGMA page_count").fetchone()
    writer._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="disk is full"):
        for index in range(1, 1000):
            episode.append(turn(index, reply="x" * 2000))
    reader = RunReader(run)
    kept = reader.turns(reader.episodes()[0])
    assert kept[0] == turn(0)
    assert [each.index for each in kept] == list(range(len(kept)))
    # with room again, the same writer goes on
    writer._db.execute("PRAGMA max_page_count = 1000000")
    episode.append(turn(len(kept)))
    assert len(reader.turns(reader.episodes()[0])) == len(kept) + 1


def test_events_of_the_store_are_json(run: Path):
    writer = RunWriter(run)
    writer.note(Notice("x\x1b[31m", {"next_step": "y"}))
    (row,) = writer._db.execute("SELECT data FROM event").fetchall()
    assert json.loads(row["data"]) == {"text": "x\x1b[31m", "details": {"next_step": "y"}}


def test_no_step_of_an_episode_looks_at_all_episodes_of_the_run(run: Path):
    writer, asked = RunWriter(run), []
    writer.add_tasks([TASK])
    writer._db.set_trace_callback(asked.append)
    episode, _ = writer.begin(KEY, {})
    episode.begin("goal", "start")
    episode.append(turn(0))
    writer.supersede(KEY)
    writer.begin(KEY, {})[0].end(EpisodeEnded(KEY, "done", 1.0, True, 0))
    writer._db.set_trace_callback(None)
    statements = [each for each in asked if each.lstrip().startswith(("SELECT", "UPDATE"))]
    assert len(statements) >= 6
    steps = [row[3] for each in statements for row in writer._db.execute(f"EXPLAIN QUERY PLAN {each}")]
    assert not [step for step in steps if step.startswith("SCAN ") and step != "SCAN CONSTANT ROW"]
    writer.close()
