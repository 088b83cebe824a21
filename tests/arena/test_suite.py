from pathlib import Path

import pytest

from arena.errors import UsageError
from arena.suite import Suite, expand, load_suite, parse_suite, suite_names
from envs import embedding
from envs.errors import UnknownTask
from envs.workflow.env import WorfBenchEnv

GOOD = """
name = "mine"
[settings]
max_tokens = 20

[[tasks]]
benchmark = "pddl"
subset = "gripper"
count = 2

[[tasks]]
benchmark = "pddl"
ids = ["pddl/blockworld/1"]
max_steps = 7
"""


def test_a_suite_chooses_its_tasks():
    tasks = expand(parse_suite(GOOD, "mine.toml"))
    assert [task.id for task in tasks] == ["pddl/gripper/0", "pddl/gripper/1", "pddl/blockworld/1"]
    assert tasks[2].max_steps == 7


def test_a_step_limit_of_the_suite_makes_it_another_task():
    plain = expand(parse_suite(GOOD.replace("max_steps = 7", ""), "mine.toml"))
    assert plain[2].hash != expand(parse_suite(GOOD, "mine.toml"))[2].hash


def test_limit_bounds_each_group_and_no_task_comes_twice():
    twice = GOOD + '\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 2\n'
    assert [task.id for task in expand(parse_suite(twice, "x"), limit=1)] == [
        "pddl/gripper/0",
        "pddl/blockworld/1",
    ]
    assert len(expand(parse_suite(twice, "x"))) == 3


@pytest.mark.parametrize(
    ("broken", "line", "key", "hint"),
    [
        (GOOD.replace("max_tokens = 20", "max_token = 20"), 4, "settings.max_token", "max_tokens"),
        (GOOD.replace("max_tokens = 20", 'max_tokens = "many"'), 4, "settings.max_tokens", ""),
        (GOOD.replace("count = 2", "count = 0"), 9, "tasks.0.count", ""),
        (GOOD.replace("max_steps = 7", "maxsteps = 7"), 14, "tasks.1.maxsteps", "max_steps"),
        (GOOD.replace('name = "mine"', 'name = "../mine"'), 2, "name", ""),
        (GOOD.replace('[[tasks]]\nbenchmark = "pddl"\nids', "[[tasks]]\nids"), 11, "tasks.1.benchmark", ""),
    ],
)
def test_a_broken_suite_names_line_and_key(broken: str, line: int, key: str, hint: str):
    with pytest.raises(UsageError) as caught:
        parse_suite(broken, "mine.toml")
    assert caught.value.message.startswith(f"mine.toml, line {line}, key {key}: ")
    assert hint in caught.value.next_step


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('source = "oficial"', "line 4, key tasks.0.source: Input should be 'bundled', 'official' or 'best'"),
        (
            "settings = { temperature = inf }",
            "key tasks.0.settings.temperature: Input should be a finite number",
        ),
        ('ids = ["pddl/gripper/0"]\ncount = 1', "key tasks.0: ids stand for themselves"),
    ],
)
def test_a_wrong_value_is_told_by_its_key_and_what_may_stand_there(broken: str, said: str):
    with pytest.raises(UsageError) as caught:
        parse_suite(f'name = "x"\n[[tasks]]\nbenchmark = "pddl"\n{broken}\n', "mine.toml")
    assert said in str(caught.value)


def test_invalid_toml_names_the_line():
    with pytest.raises(UsageError, match=r"mine\.toml is not valid TOML.*line 3"):
        parse_suite('name = "x"\n[settings]\nmax_tokens = = 3\n', "mine.toml")


def test_an_unknown_suite_gets_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        load_suite("quik")
    assert "quick" in caught.value.next_step


def test_an_unknown_task_gets_the_nearest_name():
    wrong = GOOD.replace("pddl/blockworld/1", "pddl/blokworld/1")
    with pytest.raises(UnknownTask, match="blokworld") as caught:
        expand(parse_suite(wrong, "mine.toml"))
    assert "pddl/blockworld/1" in caught.value.next_step
    with pytest.raises(UsageError, match="no subset 'griper'"):
        expand(parse_suite(GOOD.replace('"gripper"', '"griper"'), "mine.toml"))


def test_a_suite_file_that_is_no_text_is_refused(tmp_path: Path):
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"s\.toml can't be read"):
        load_suite(str(path))


@pytest.mark.parametrize("name", suite_names())
def test_every_shipped_suite_is_valid_and_named_as_its_file(name: str):
    suite = load_suite(name)
    assert isinstance(suite, Suite)
    assert suite.name == name


GRADED = """
name = "graded"
[settings]
scoring = "faithful"
encoder = "hashing"

[[tasks]]
benchmark = "worfbench"
count = 1

[[tasks]]
benchmark = "longbench"
subset = "trec"
count = 1

[[tasks]]
benchmark = "pddl"
count = 1
"""


def test_a_suite_says_how_replies_are_scored_where_a_benchmark_has_a_choice():
    workflow, text, world = expand(parse_suite(GRADED, "graded.toml"))
    assert workflow.grading == {"scoring": "faithful", "encoder": "hashing"}
    assert text.grading == {"scoring": "faithful"}
    assert world.grading == {}
    env = WorfBenchEnv()
    env.reset(options={"task": workflow})
    info = env.step("no workflow")[4]
    assert (info["grading"]["scoring"], info["grading"]["encoder"]) == ("faithful", "hashing")


def test_another_way_of_scoring_makes_it_another_task_and_the_default_encoder_is_named():
    strict = expand(parse_suite(GRADED.replace("faithful", "strict"), "x"))[0]
    auto = expand(parse_suite(GRADED.replace('encoder = "hashing"', ""), "x"))[0]
    assert strict.hash != expand(parse_suite(GRADED, "x"))[0].hash
    assert auto.grading["encoder"] == embedding.default_name()


def test_an_unknown_encoder_is_refused_with_its_line():
    with pytest.raises(UsageError, match=r"line 5, key settings\.encoder: .*no encoder is called 'word2vec'"):
        parse_suite(GRADED.replace('"hashing"', '"word2vec"'), "graded.toml")


MANY = """
name = "many"
[[tasks]]
benchmark = "longbench"
subset = "[ht]*"
per_subset = 2
count = 5
"""


def test_a_pattern_chooses_subsets_and_each_gives_its_share():
    tasks = expand(parse_suite(MANY, "many.toml"))
    assert [task.id for task in tasks] == [
        "longbench/hotpotqa/0",
        "longbench/hotpotqa/1",
        "longbench/trec/0",
        "longbench/trec/1",
        "longbench/triviaqa/0",
    ]


def test_the_best_source_is_the_official_one_where_it_is_imported(monkeypatch: pytest.MonkeyPatch):
    from dataclasses import replace

    from envs import registry
    from envs.errors import MissingData

    text = 'name = "b"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 2\nsource = "best"\n'
    bundled = registry.tasks("pddl", "bundled")

    def tasks(name: str, source: str):
        if source == "official" and not imported:
            raise MissingData("not here")
        return [replace(task, source=source) for task in bundled]

    monkeypatch.setattr(registry, "tasks", tasks)
    imported = False
    assert {task.source for task in expand(parse_suite(text, "b"))} == {"bundled"}
    imported = True
    assert {task.source for task in expand(parse_suite(text, "b"))} == {"official"}


def test_a_key_of_a_groups_settings_is_named_where_it_is_wrong():
    text = GOOD + "settings = { protocl = 'json' }\n"
    with pytest.raises(UsageError, match=r"key tasks\.1\.settings\.protocl: unknown key") as caught:
        parse_suite(text, "mine.toml")
    assert "protocol" in caught.value.next_step


def test_the_papers_suite_has_every_benchmark_and_the_light_one_the_same():
    whole, light = (expand(load_suite(name)) for name in ("acbench", "acbench-lite"))
    assert {task.benchmark for task in whole} == {task.benchmark for task in light}
    assert {(t.benchmark, t.subset) for t in light} <= {(t.benchmark, t.subset) for t in whole}
    assert len(light) < len(whole) / 3
    needle = {task.subset for task in whole if task.benchmark == "needle"}
    assert needle == {str(1000 * length) for length in range(1, 41)}
