"""Official records: what can be played is played by the original rules, what can't is said."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from envs import registry
from envs.errors import BadData, MissingData
from envs.official.importing import import_data
from envs.tools import official, workbook
from envs.tools.env import ToolOperationEnv
from envs.tools.official import operation_tasks, query_tasks

PROJECTS = [
    {
        "name": "Chores",
        "is_favorite": True,
        "tasks": [
            {"content": "Dust", "description": "", "due_date": "2015-06-01", "duration": 5}
            | {"duration_unit": "minute", "priority": 1}
        ],
    }
]
SHOWN = {"order": 1, "color": "charcoal", "name": "Chores", "is_favorite": False}


def record(**changes: Any) -> dict[str, Any]:
    info = {
        "answer": {"projects": [SHOWN], "tasks": []},
        "init_config": {"current_date": "2015-05-31", "current_location": "New York"},
        "goal_type": 0,
        "tool": "todo",
    }
    return {
        "id": 0,
        "goal": "Tick off Dust.",
        "subgoals": ["done"],
        "additional_info": info,
        "difficulty": "hard",
    } | changes


def sheet_record(goal: str, answer: Any) -> dict[str, Any]:
    info = {"answer": json.dumps(answer), "init_config": None, "goal_type": 1, "tool": "sheet"}
    return record(goal=goal, subgoals="Reference", additional_info=info)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    folder = tmp_path / "tool-operation"
    folder.mkdir()
    return folder


def write(path: Path, *records: Any) -> None:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")


def write_workbook(path: Path) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    cells = '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
    more = '<c r="A2" t="s"><v>2</v></c><c r="B2" s="1"><v>8.5</v></c><c r="ZZ2"><v>1</v></c>'
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        '<Relationship Id="r1" Type="t" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1">{cells}</row>'
        f'<row r="2">{more}</row></sheetData></worksheet>',
        "xl/worksheets/_rels/sheet1.xml.rels": f'<Relationships xmlns="{package}">'
        '<Relationship Id="c" Type="t" Target="../comments1.xml"/></Relationships>',
        "xl/comments1.xml": f'<comments xmlns="{main}"><commentList><comment ref="A2"><text>'
        "<t>cheap</t></text></comment></commentList></comments>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}"><si><t>Name</t></si><si><t>Price</t></si>'
        "<si><r><t>be</t></r><r><t>ef</t></r></si></sst>",
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="2"/></cellXfs>'
        "</styleSheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def test_without_data_both_benchmarks_say_so() -> None:
    for tasks in (query_tasks, operation_tasks):
        with pytest.raises(MissingData):
            tasks()
    assert registry.state(registry.benchmark("tool-query"), "official")[0] == "needs-data"


def test_queries_about_live_services_are_not_pretended_to_be_playable(folder: Path) -> None:
    query = folder.parent / "tool-query"
    query.mkdir()
    write(query / "weather.jsonl", record(), record())
    with pytest.raises(MissingData, match="the 2 official tool-query records"):
        query_tasks()
    write(query / "movie.jsonl", {"goal": "x"})
    with pytest.raises(BadData, match=r"movie\.jsonl:1"):
        query_tasks()


def test_a_to_do_task_compares_the_final_state(folder: Path) -> None:
    write(folder / "todo.jsonl", record())
    (folder / "projects.json").write_text(json.dumps(PROJECTS), encoding="utf-8")
    (task,) = operation_tasks()
    env = ToolOperationEnv("official")
    env.reset(options={"task": task})
    *_, lazy = env.step('finish with Action Input: {"answer": "done"}')
    assert lazy["progress"] == 1.0 and not lazy["success"]
    env.reset(options={"task": task})
    project = env._toolkit.call("get_projects", {})[0]
    (dust,) = env._toolkit.call("get_tasks", {"project_id": project["id"]})
    env.step(json.dumps({"name": "complete_task", "arguments": {"task_id": dust["id"]}}))
    *_, terminated, _, info = env.step('finish with Action Input: {"answer": "done"}')
    assert terminated and info["success"]
    with pytest.raises(NotImplementedError):
        env.expert()


def test_a_sheet_task_is_scored_the_faithful_way(folder: Path) -> None:
    write_workbook(folder / "sheets.xlsx")
    write(folder / "sheet.jsonl", sheet_record('Fix "Sheet1".', [["Name", "Price"], ["beef", "9.00"]]))
    (task,) = operation_tasks()
    env = ToolOperationEnv("official")
    first, info = env.reset(options={"task": task})
    assert "[['Name', 'Price'], ['beef', '8.50']]" in first and info["progress"] == 0.0
    assert env.step('get_note with Action Input: {"position": "A2"}')[:2] == ("cheap", 0.75)
    env.step('update_cell with Action Input: {"position": "B2", "value": "9"}')
    *_, terminated, _, info = env.step(
        'update_note with Action Input: {"position": "A1", "content": "finished"}'
    )
    assert terminated and info["success"], (
        "in the original any action that holds the word finish ends the episode"
    )


@pytest.mark.parametrize(
    "action",
    [
        "I think that we should open the sheet first.",
        "update_cell with Action Input: {'position': B2}",
        "teleport with Action Input: {}",
        "check_valid_actions with Action Input: {}",
        'update_note with Action Input: {"position": "A1", "content": "Invalid"}',
    ],
)
def test_a_step_that_the_original_does_not_look_at_earns_nothing(folder: Path, action: str) -> None:
    write_workbook(folder / "sheets.xlsx")
    write(folder / "sheet.jsonl", sheet_record('Fix "Sheet1".', [["Name", "Price"], ["beef", "9.00"]]))
    (task,) = operation_tasks()
    env = ToolOperationEnv("official")
    env.reset(options={"task": task})
    assert env.step(action)[1] == 0.0
    assert env.step('get_cell_value with Action Input: {"position": "A9"}')[1] == 0.75
    assert env.step(action)[4]["progress"] == 0.75


def test_an_unknown_tool_ends_an_official_episode_by_its_name(folder: Path) -> None:
    write(folder / "todo.jsonl", record())
    (folder / "projects.json").write_text(json.dumps(PROJECTS), encoding="utf-8")
    (task,) = operation_tasks()
    env = ToolOperationEnv("official")
    env.reset(options={"task": task})
    _, _, terminated, _, info = env.step("finish_task with Action Input: {}")
    assert terminated and not info["success"]


def test_a_start_file_that_is_missing_or_of_another_edition_is_named(folder: Path) -> None:
    write(folder / "todo.jsonl", record())
    with pytest.raises(MissingData, match=r"projects\.json"):
        operation_tasks()
    (folder / "projects.json").write_text(json.dumps([PROJECTS[0] | {"name": "Other"}]), encoding="utf-8")
    with pytest.raises(BadData, match=r"todo\.jsonl:1 speaks of projects"):
        operation_tasks()


@pytest.mark.parametrize(
    ("projects", "said"),
    [(None, "projects.json is missing"), ([PROJECTS[0] | {"name": "Other"}], "speaks of projects")],
)
def test_either_pair_is_played_without_the_other_and_an_import_says_which_is_not(
    folder: Path, tmp_path: Path, projects: Any, said: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write(source / "todo.jsonl", record())
    if projects:
        (source / "projects.json").write_text(json.dumps(projects), encoding="utf-8")
    write_workbook(source / "sheets.xlsx")
    write(source / "sheet.jsonl", sheet_record('Fix "Sheet1".', [["Name", "Price"], ["beef", "9.00"]]))
    done = import_data("tool-operation", source)
    (note,) = [note for note in done.notes if said in note]
    assert "/.import-" not in note
    assert [task.id for task in operation_tasks()] == ["tool-operation/sheet/0"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"3", "not a record"),
        (b"\xff\xfe", "UTF-8"),
        (json.dumps(record(goal=None)).encode(), "lacks a goal"),
        (json.dumps(record(difficulty="odd")).encode(), "difficulty"),
        (json.dumps(record(subgoals="x")).encode(), "subgoals"),
        (json.dumps(record(additional_info={"answer": 1})).encode(), "init_config"),
    ],
)
def test_a_broken_record_is_one_error_that_names_file_and_line(folder: Path, line: bytes, said: str) -> None:
    (folder / "projects.json").write_text(json.dumps(PROJECTS), encoding="utf-8")
    (folder / "todo.jsonl").write_bytes(json.dumps(record()).encode() + b"\n\n" + line)
    place = r"todo\.jsonl" if said == "UTF-8" else r"todo\.jsonl:3"
    with pytest.raises(BadData, match=f"{place}.*{said}"):
        operation_tasks()


@pytest.mark.parametrize(
    "projects", ["{", "3", '[{"name": "x"}]', '[{"name": "x", "tasks": [{}]}]', "[" * 9000]
)
def test_a_broken_list_of_projects_is_one_error(folder: Path, projects: str) -> None:
    write(folder / "todo.jsonl", record())
    (folder / "projects.json").write_text(projects, encoding="utf-8")
    with pytest.raises(BadData, match=r"projects\.json"):
        operation_tasks()


@pytest.mark.parametrize(
    ("goal", "answer"), [("no sheet", [["x"]]), ('"Sheet9"', [["x"]]), ('"Sheet1"', []), ('"Sheet1"', "x")]
)
def test_a_broken_sheet_record_is_one_error(folder: Path, goal: str, answer: Any) -> None:
    write_workbook(folder / "sheets.xlsx")
    write(folder / "sheet.jsonl", sheet_record(goal, answer))
    with pytest.raises(BadData, match=r"sheet\.jsonl:1"):
        operation_tasks()


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"xl/workbook.xml": "<x"},
        {"xl/workbook.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"},
        {"xl/workbook.xml": " " * (workbook.MAX_PART_BYTES + 1)},
    ],
)
def test_a_hostile_workbook_is_one_error(tmp_path: Path, parts: dict[str, str]) -> None:
    path = tmp_path / "sheets.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    with pytest.raises(BadData, match=r"sheets\.xlsx"):
        workbook.read(path)
    path.write_bytes(b"not a zip")
    with pytest.raises(BadData, match=r"sheets\.xlsx"):
        workbook.read(path)


@pytest.mark.shared
def test_the_official_samples_are_read(folder: Path, shared: Path) -> None:
    for subset in ("academia", "movie", "weather", "todo", "sheet"):
        source = shared / "data" / "agentboard" / f"{subset}.jsonl"
        shutil.copy(source, folder)
        assert len(list(official.records(folder / source.name))) >= 19
