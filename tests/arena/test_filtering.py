from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.errors import UsageError
from arena.filtering import key_help, parse
from arena.protocol.base import Failure, FailureKind
from arena.records import EpisodeEnded, EpisodeKey, Turn
from arena.store.files import create_database
from arena.store.reader import RunReader
from arena.store.writer import RunWriter
from envs.base import Task

GRIPPER = Task("pddl/gripper/0", "pddl", "gripper", "bundled", 0, 5, "easy", {"n": 1})
WEATHER = Task("tool-query/weather/3", "tool-query", "weather", "bundled", 0, 5, "easy", {"n": 2})


def turn(index: int, action: str | None, failure: FailureKind | None = None) -> Turn:
    failed = Failure(failure, (0, 1), "", "") if failure else None
    reply = action or "50%_done"
    return Turn(
        index, f"saw {index}", reply, "", action, failed, f"saw {index + 1}", failure is None, 0.5, False
    )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    run: Path = tmp_path_factory.mktemp("run")
    create_database(run)
    writer = RunWriter(run)
    writer.add_tasks([GRIPPER, WEATHER])
    record(writer, "base", GRIPPER, [turn(0, "pick a"), turn(1, "drop a")], progress=1.0)
    record(writer, "base", WEATHER, [turn(0, None, FailureKind.NO_ACTION)], progress=0.0)
    record(
        writer,
        "awq-w4",
        GRIPPER,
        [turn(0, "pick b"), turn(1, None, FailureKind.NOT_JSON), turn(2, "drop b")],
        progress=0.5,
    )
    record(writer, "awq-w4", WEATHER, [turn(0, "ask"), turn(1, None, FailureKind.TRUNCATED)], progress=1.0)
    writer.close()
    return RunReader(run)


def record(writer: RunWriter, contestant: str, task: Task, turns: Sequence[Turn], progress: float) -> None:
    key = EpisodeKey(contestant, task.id, task.hash, 0, 0)
    episode, _ = writer.begin(key, {})
    episode.begin("goal", "saw 0")
    for each in turns:
        episode.append(each)
    episode.end(EpisodeEnded(key, "done", progress, progress == 1, len(turns)))


def episodes(reader: RunReader, text: str) -> list[tuple[str, str]]:
    found = reader.find_episodes(parse(text, "base"))
    return [(each.key.contestant, each.key.task.split("/")[1]) for each in found]


def turns(reader: RunReader, text: str) -> list[tuple[str, str, int]]:
    found = reader.find_turns(parse(text, "base"))
    assert reader.count_turns(parse(text, "base")) == len(found)
    return [(head.key.contestant, head.key.task.split("/")[1], each.index) for head, each in found]


def test_an_empty_filter_lets_everything_through(reader: RunReader):
    assert len(episodes(reader, "  ")) == 4
    assert len(turns(reader, "")) == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contestant:awq", [("awq-w4", "gripper"), ("awq-w4", "weather")]),
        ("-task:gripper contestant:awq", [("awq-w4", "weather")]),
        ("base:success outcome:failure", [("awq-w4", "gripper")]),
        ("benchmark:pddl progress<100%", [("awq-w4", "gripper")]),
        ("benchmark:pdd", []),
        ("contestant=awq -fail:any", []),
        ("contestant=awq-w4 fail:not_json", [("awq-w4", "gripper")]),
        ("progress>=0.5 -outcome:success", [("awq-w4", "gripper")]),
        ("turns>2", [("awq-w4", "gripper")]),
        ("fail:not_json", [("awq-w4", "gripper")]),
        ("-fail:any", [("base", "gripper")]),
        ("fail:not_json turn:2", [("awq-w4", "gripper")]),
        ("fail:not_json turn:1", []),
        ('"pick b"', [("awq-w4", "gripper")]),
        ("action:ASK", [("awq-w4", "weather")]),
    ],
)
def test_episodes_are_chosen(reader: RunReader, text: str, expected: list[tuple[str, str]]):
    assert episodes(reader, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fail:not_json,truncated", [("awq-w4", "gripper", 1), ("awq-w4", "weather", 1)]),
        ("fail:any base:failure", [("base", "weather", 0), ("awq-w4", "weather", 1)]),
        ("fail:none turn>=2 contestant:awq", [("awq-w4", "gripper", 2)]),
        ("valid:no -contestant:awq", [("base", "weather", 0)]),
        ("-action:pick contestant:awq task:gripper", [("awq-w4", "gripper", 1), ("awq-w4", "gripper", 2)]),
        ("reply:50%_d contestant:base", [("base", "weather", 0)]),
        ("reply:50__d", []),
    ],
)
def test_turns_are_chosen(reader: RunReader, text: str, expected: list[tuple[str, str, int]]):
    assert turns(reader, text) == expected


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("contestan:awq", "no key 'contestan'", "contestant"),
        ("fail:not_jsn", "unknown value 'not_jsn'", "did you mean not_json"),
        ("fail:circles", "unknown value 'circles'", "repeated"),
        ("turn>many", "no number", "turn takes"),
        ("task>a", "can't be compared by >", "task takes"),
        ("turn:5%", "no number", "turn takes"),
        ("outcome:,", "has no value", "success"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, complaint: str, hint: str):
    with pytest.raises(UsageError) as raised:
        parse(text, "base")
    assert complaint in raised.value.message
    assert hint in raised.value.next_step


def test_an_open_quote_is_taken_as_it_is(reader: RunReader):
    assert turns(reader, '"pick') == []


TERMS = st.tuples(
    st.sampled_from(["", "-"]),
    st.sampled_from(sorted(key_help())),
    st.sampled_from([":", ">", "<="]),
    st.text(),
).map("".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.lists(TERMS).map(" ".join))
def test_any_text_is_a_filter_or_one_clear_error(reader: RunReader, text: str):
    try:
        chosen = parse(text, "base")
    except UsageError:
        return
    reader.find_episodes(chosen)
    assert reader.count_turns(chosen) == len(reader.find_turns(chosen))


def test_a_filter_among_some_contestants_counts_no_others_towards_a_limit(reader: RunReader):
    chosen = parse("fail:any", "base").among(["awq-w4"])
    assert [(key.contestant, index) for key, index in reader.locate_turns(chosen, 2)] == [("awq-w4", 1)] * 2
    assert {head.key.contestant for head in reader.find_episodes(parse("", "base").among(["base"]))} == {
        "base"
    }
    assert reader.find_episodes(parse("", "base").among(["awq"])) == []
