import inspect
from pathlib import Path

import pytest

from arena.cli.batch import batch
from arena.configured import ONLY_SCHEDULES, TOUCHES_OUTPUT
from arena.contestant import enter
from arena.engines.options import options_of
from arena.engines.registry import BUILT_IN, parse_contestant
from arena.errors import StoreError
from arena.lineup import line_up
from arena.plan import check_same_plan, create_run
from arena.suite import GroupSettings, Suite, SuiteSettings, TaskGroup, parse_suite


def fields_of(where: str) -> set[str]:
    """Return the names of the settings that the code itself has."""
    models = {
        "suite": Suite,
        "suite.settings": SuiteSettings,
        "suite.tasks": TaskGroup,
        "suite.tasks.settings": GroupSettings,
    }
    if where in models:
        return set(models[where].model_fields)
    if where == "batch":
        return set(inspect.signature(batch).parameters)
    kind = where.removeprefix("engine ")
    if kind == "vllm":
        from arena.engines.vllm_engine import VllmEngine

        return set(options_of(VllmEngine) or ())
    return set(options_of(BUILT_IN[kind].load()) or ())


PLACES = ["suite", "suite.settings", "suite.tasks", "suite.tasks.settings", "batch"] + [
    f"engine {kind}" for kind in BUILT_IN
]


@pytest.mark.parametrize("where", PLACES)
def test_every_setting_either_touches_output_or_only_schedules(where: str):
    touches, schedules = TOUCHES_OUTPUT.get(where, frozenset()), ONLY_SCHEDULES.get(where, frozenset())
    assert not touches & schedules
    assert touches | schedules == fields_of(where), "class the new setting in arena/configured.py"


def test_no_place_is_classed_that_is_not_looked_at():
    assert TOUCHES_OUTPUT.keys() | ONLY_SCHEDULES.keys() == set(PLACES)


OTHER = {
    "protocol": '"json"',
    "style": '"chat"',
    "dialect": '"hermes"',
    "max_tokens": "7",
    "temperature": "0.5",
    "top_p": "0.5",
    "stop": '["x"]',
    "history_items": "3",
    "example": "false",
    "context_tokens": "99",
    "filler_tokens": "9",
    "result_tokens": "50",
    "thought_tokens": "5",
    "system_role": "false",
    "seed": "3",
    "repeats": "2",
    "scoring": '"strict"',
    "encoder": '"hashing"',
}


@pytest.mark.parametrize("name", sorted(TOUCHES_OUTPUT["suite.settings"] - {"offered_tools"}))
def test_a_run_is_not_continued_where_a_setting_that_touches_output_has_changed(
    name: str, ladder: type, tmp_path: Path
):
    def plan(settings: str):
        text = f'name = "s"\n[settings]\n{settings}\n[[tasks]]\nbenchmark = "ladder"\n'
        return line_up(parse_suite(text, "s"), ["random"])[0]

    create_run(plan(""), tmp_path / "r")
    check_same_plan(plan(""), tmp_path / "r")
    with pytest.raises(StoreError, match="was begun with other"):
        check_same_plan(plan(f"{name} = {OTHER[name]}"), tmp_path / "r")


def test_a_run_is_not_continued_where_more_tools_are_offered(tmp_path: Path):
    def plan(settings: str):
        tasks = '[[tasks]]\nbenchmark = "pddl"\ncount = 1\n'
        text = f'name = "s"\n[settings]\nprotocol = "json"\n{settings}\n{tasks}'
        return line_up(parse_suite(text, "s"), ["random"])[0]

    create_run(plan(""), tmp_path / "r")
    with pytest.raises(StoreError, match="was begun with other"):
        check_same_plan(plan("offered_tools = 9"), tmp_path / "r")


@pytest.mark.parametrize("name", sorted(TOUCHES_OUTPUT["suite.tasks.settings"]))
def test_a_setting_of_a_group_makes_its_tasks_others(name: str, ladder: type):
    def hashes(settings: str) -> list[str]:
        text = f'name = "s"\n[[tasks]]\nbenchmark = "ladder"\nsettings = {{{settings}}}\n'
        return [task.hash for task in line_up(parse_suite(text, "s"), ["random"])[0].tasks]

    assert not set(hashes("")) & set(hashes(f"{name} = {OTHER[name]}"))


@pytest.mark.parametrize(
    ("spec", "option"),
    [("openai:http://127.0.0.1:1/v1#m", f"{name}=3") for name in sorted(ONLY_SCHEDULES["engine openai"])]
    + [("script:FILE", "latency_s=0.5")],
)
def test_a_contestant_is_the_same_with_another_option_that_only_schedules(
    spec: str, option: str, tmp_path: Path
):
    script = tmp_path / "r.txt"
    script.write_text("up\n")
    spec = spec.replace("FILE", str(script))
    plain, _ = enter(parse_contestant(spec), SuiteSettings())
    other, _ = enter(parse_contestant(f"{spec},{option}"), SuiteSettings())
    assert plain.hash == other.hash
    # nor does the server's address matter
    if spec.startswith("openai"):
        moved, _ = enter(parse_contestant(spec.replace(":1/", ":2/")), SuiteSettings())
        assert moved.hash == plain.hash
