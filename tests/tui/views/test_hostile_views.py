"""No name, text or number of a record can style, move, clear or flood a view."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from envs.base import Task
from tests.tui.test_hostile_text import HOSTILE
from tests.tui.views.played import turn
from tui.views.choice import VIEWS, view_of
from tui.views.view import Room, View

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60) | st.text(
    st.sampled_from("ab \t\r\n\x00\x1b[]/@\x9b\u202e\u2066\u200b\ud800\u2028e\u0301日👩12:.(),")
)
BENCHMARKS = [*VIEWS, "any"]


def check(view: View, width: int) -> None:
    for line in view.lines:
        assert cell_len(line.plain) <= width
        assert not [each for each in line.plain if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Cn")]
        for span in line.spans:
            assert isinstance(span.style, str)  # ours: a style that came with a text would be one with a link
            assert "link" not in span.style
            assert "@click" not in span.style


def drawn(benchmark: str, text: str, width: int) -> View:
    data = {
        "domain": "gripper",
        "objects": [[text, "object"]],
        "init": [["room", text]],
        "goal": [["at", text, text]],
        "gold": f"Node:\n1: {text}\n2: {text}\nEdge: (START,1) (1,2) {text} (2,END)",
        "solution": [f'{text} with Action Input: {{"a": "b"}}', text],
    }
    task = Task(text, benchmark, None, "bundled", 0, 30, "easy", data)
    room = f"This room is called the {text}. In it, you see:\n\t{text}\nIn your inventory, you see:\n\t{text}"
    call = {"name": text, "arguments": {text: text}}
    grading = {"grading": {"scoring": "faithful", "encoder": text}}
    turns = [
        turn(0, f"{text} with Action Input: {call!r}", room, subgoals={text: True}),
        turn(1, data["gold"], text, reply=text, subgoals={text: True, "b": False}, scores=grading),
    ]
    return view_of(task, room, turns, 2, Room(width, 20))


@pytest.mark.parametrize("benchmark", BENCHMARKS)
@settings(max_examples=60)
@given(text=ANY_TEXT, width=st.integers(10, 120))
def test_no_text_at_all_can_control_a_terminal(benchmark: str, text: str, width: int):
    check(drawn(benchmark, text, width), width)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_markup_is_drawn_as_it_is_written(benchmark: str):
    view = drawn(benchmark, HOSTILE, 200)
    check(view, 200)
    assert "[red]x" in "\n".join(line.plain for line in view.lines)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_flood_of_text_is_cut_and_costs_little_time(benchmark: str):
    nodes = "\n".join(f"{number}: word" for number in range(20_000))
    edges = " ".join(f"({number},{(number * 7) % 20_000})" for number in range(20_000))
    plan = f"Node:\n{nodes}\nEdge: {edges}"
    task = Task(
        "x", benchmark, None, "bundled", 0, 30, "easy", {"gold": plan, "solution": ["x" * 100_000] * 500}
    )
    many = {f"goal {number} " + "x" * 50: False for number in range(5_000)}
    turns = [
        turn(index, plan, "In your inventory, you see:\n" + "\ta\n" * 50_000, subgoals=many)
        for index in range(300)
    ]
    view = view_of(task, "", turns, len(turns), Room(60, 20))
    assert len(view.lines) < 1_000
