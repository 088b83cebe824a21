"""T-Eval as an environment."""

import json
from collections import Counter
from pathlib import Path

import onestep_checks as checks
import pytest

from envs.embedding import encoder
from envs.errors import BadData
from envs.teval.bundled import calls, schemas
from envs.teval.env import TEvalEnv
from envs.teval.scoring import score_row
from envs.teval.tasks import tasks


def test_every_ability_has_twenty_five_tasks_of_our_own_tools() -> None:
    counts = Counter(task.subset for task in tasks("bundled"))
    assert min(counts.values()) >= 25
    assert len({task.hash for task in tasks("bundled")}) == sum(counts.values())


def test_every_call_names_a_published_tool_and_its_arguments() -> None:
    for call in calls():
        function = schemas(call["tool"].partition(".")[0])[call["tool"]]
        parameters = function["parameters"]
        assert set(parameters["required"]) <= set(call["args"]) <= set(parameters["properties"])


@pytest.mark.parametrize("encoder", ["hashing", "wordllama"])
def test_the_expert_scores_one_on_every_task(encoder: str) -> None:
    if encoder == "wordllama":
        pytest.importorskip("wordllama", reason="needs arena[embed]")
    checks.expert_gets_full_marks_everywhere("teval", TEvalEnv(encoder=encoder))


def test_chance_scores_next_to_nothing() -> None:
    checks.chance_gets_next_to_nothing("teval", TEvalEnv(encoder="hashing"), at_most=0.02)


def test_gymnasium_accepts_it() -> None:
    checks.gymnasium_accepts("arena/TEval-v0", encoder="hashing")


RECORD = {
    "origin_prompt": [{"role": "system", "content": "tools: a.find"}, {"role": "user", "content": "find it"}],
    "ground_truth": {"thought": "find", "name": "a.find", "args": {"x": 1}},
    "meta_data": {"response_format": "str"},
}


def write(folder: Path, name: str, value: object) -> None:
    (folder / "teval").mkdir(exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value)
    (folder / "teval" / name).write_text(text)


def test_official_records_are_read_by_their_names_of_version_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, "retrieve_str_v2_subset.json", {"0": RECORD, "1": RECORD})
    instruct = RECORD | {
        "ground_truth": {"action": "a.find", "args": {}},
        "template": {"thought": "t", "action": "a", "args": "g"},
        "meta_data": {"response_format": "json"},
    }
    write(tmp_path, "instruct_v2.json", {"7": instruct})
    found = tasks("official")
    assert [task.id for task in found] == [
        "teval/instruct-json/0",
        "teval/retrieve-str/0",
        "teval/retrieve-str/1",
    ]
    assert len({task.hash for task in found}) == 3, "a record that stands twice is two tasks"
    env = TEvalEnv("official", encoder="hashing")
    for task in found:
        observation, _ = env.reset(options={"task": task})
        assert "find it" in observation
        assert env.step(env.expert()[0])[4]["success"]


@pytest.mark.parametrize(
    "reply",
    [
        '```json\n{"x": 1}\n```',
        '{"x": 1}<|im_end|>\n{"y": 2}',
        '{"x": 1}\nuser: and then?',
        '{"x": 1}\nassistant',
        ' `{"x": 1}` [INST] more',
        '{"x": 1}<eoa>',
    ],
)
def test_an_official_reply_is_cut_as_the_originals_program_cuts_it(
    reply: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    record = RECORD | {"ground_truth": {"args": '{"x": 1}'}}
    write(tmp_path, "understand_str_v2.json", {"0": record})
    (task,) = tasks("official")
    env = TEvalEnv("official", encoder="hashing")
    env.reset(options={"task": task})
    assert env.step(reply)[4]["success"]
    recorded = {"ability": "understand", "form": "str", "prediction": reply, **task.data}
    assert score_row(recorded, encoder("hashing"))["args"] == 0.0, "recorded replies are scored as they are"


def test_blanks_around_a_reply_mean_nothing() -> None:
    for scoring in ("faithful", "strict"):
        env = TEvalEnv(scoring=scoring, encoder="hashing")
        env.reset(options={"task": "teval/understand-str/0"})
        assert env.step(f"\n\n {env.expert()[0]} \n")[4]["success"]


def test_what_a_function_says_is_told_by_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    prompt = [*RECORD["origin_prompt"], {"role": "function", "content": "found 3"}]
    write(tmp_path, "retrieve_str_v2.json", {"0": RECORD | {"origin_prompt": prompt}})
    (task,) = tasks("official")
    assert [message["role"] for message in task.data["origin_prompt"]] == ["system", "user", "user"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[]", r"review_str_v2.json:1: a JSON object"),
        ('{\n"0": 3}', r"review_str_v2.json:2 is not a record"),
        ({"0": {"origin_prompt": []}}, "no origin_prompt"),
        ({"0": RECORD}, "ground_truth.answer"),
        ({"0": RECORD | {"origin_prompt": [{"role": "root", "content": "x"}]}}, "lacks a role"),
        ('{\n"0" 3}', r"review_str_v2.json:2: a name and a colon"),
        ({"0": RECORD | {"origin_prompt": "half \ud83d"}}, "review_str_v2.json:1: .*half a character"),
    ],
)
def test_a_broken_file_is_one_error_that_names_file_and_line(
    value: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, "review_str_v2.json", value)
    with pytest.raises(BadData, match=said):
        tasks("official")
