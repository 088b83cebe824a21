import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from arena.agent import AgentSettings, settings_from_json
from arena.contestant import enter
from arena.engines.base import Message, Sampling
from arena.engines.registry import parse_contestant
from arena.errors import EngineError, MissingPackage
from arena.lineup import line_up
from arena.presets import presets, typed
from arena.prompt import Prompt, without_system
from arena.suite import SuiteSettings, parse_suite
from envs.base import Task

SUITE = parse_suite('name = "p"\n[settings]\nmax_tokens = 9\n[[tasks]]\nbenchmark = "ladder"\n', "p.toml")


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_contestant_that_parses(name: str):
    preset = presets()[name]
    spec = parse_contestant(typed(name)[0])
    assert (spec.name, spec.spec) == (name, f"hf:{preset.hub}")
    assert spec.settings["stop"] == preset.stop
    dialects = tomllib.loads(files("arena.protocol").joinpath("dialects.toml").read_text("utf-8"))
    assert preset.dialect is None or preset.dialect in dialects
    assert spec.settings.get("dialect") == preset.dialect
    assert preset.context_tokens >= 8192


def test_a_preset_stands_for_its_model_in_every_form():
    hub = "Qwen/Qwen2.5-7B-Instruct"
    assert typed("qwen2.5-7b+rtn-w4g128")[0].startswith(f"qwen2.5-7b-rtn-w4g128=hf:{hub}+rtn-w4g128,")
    assert typed("a=vllm:qwen2.5-7b")[0].startswith(f"a=vllm:{hub},")
    assert typed("openai:http://h/v1#qwen2.5-7b")[0].startswith(f"qwen2.5-7b=openai:http://h/v1#{hub},")
    assert typed("hf:models/own") == ("hf:models/own", None)


def test_what_is_typed_holds_over_the_preset():
    spec = parse_contestant(typed("gemma-2-2b,system_role=true,max_tokens=3")[0])
    assert (spec.settings["system_role"], spec.settings["max_tokens"]) == (True, 3)


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "gemma-2-2b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert typed("gemma-2-2b") == ("gemma-2-2b", None)


def test_weights_that_are_not_to_be_had_are_said_with_all_that_is_to_do(
    ladder: type, monkeypatch: pytest.MonkeyPatch
):
    def offline(spec, suite, on_compress=None):
        raise EngineError("There is no file or folder, and the hub can't be reached.")

    monkeypatch.setattr("arena.lineup.enter", offline)
    with pytest.raises(EngineError, match=r"gemma-2-2b can't be had: .*hub can't be reached") as caught:
        line_up(SUITE, ["gemma-2-2b"])
    assert "hf download google/gemma-2-2b-it" in caught.value.next_step
    assert "licence" in caught.value.next_step


def test_a_package_that_is_lacking_is_not_told_as_weights_that_are(
    ladder: type, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("arena.engines.registry.find_spec", lambda package: None)
    with pytest.raises(MissingPackage, match=r"^vllm needs the package") as caught:
        line_up(SUITE, ["vllm:gemma-2-2b"])
    assert "make vllm" in caught.value.next_step


def test_a_contestants_file_may_build_on_a_preset(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "contestants.toml"
    path.write_text('[mine]\nspec = "openai:http://127.0.0.1:1/v1#gemma-2-2b"\nmax_tokens = 70\n')
    monkeypatch.setenv("ARENA_CONTESTANTS", str(path))
    plan, _ = line_up(SUITE, ["mine"])
    (mine,) = plan.contestants
    assert (mine.name, mine.spec) == ("mine", "openai:http://127.0.0.1:1/v1#google/gemma-2-2b-it")
    assert (mine.settings.system_role, mine.settings.sampling.max_tokens) == (False, 70)


def test_without_a_system_role_its_text_begins_the_first_user_message():
    rules, question, action = (
        Message("system", "Rules."),
        Message("user", "Question?"),
        Message("assistant", "Go."),
    )
    assert without_system(Prompt((rules, question, action), 1)) == Prompt(
        (Message("user", "Rules.\n\nQuestion?"), action), 1
    )
    assert without_system(Prompt((rules, action), 0)).messages == (Message("user", "Rules."), action)
    assert without_system(Prompt((question,), 0)).messages == (question,)


TASK = Task("t/0", "t", None, "bundled", 0, 5, "easy", {}, reply_tokens=30)


def test_a_task_may_be_asked_otherwise_but_not_than_its_contestant_chose(ladder: type):
    asked = Task(**{**TASK.__dict__, "asked": {"protocol": "json", "history_items": 4}})
    plain, _ = enter(parse_contestant("random"), SuiteSettings())
    own, _ = enter(parse_contestant("random,protocol=text"), SuiteSettings())
    assert plain.settings.for_task(asked).protocol == "json"
    assert (own.settings.for_task(asked).protocol, own.settings.for_task(asked).history_items) == ("text", 4)
    assert plain.settings.for_task(None) == plain.settings


def test_what_a_benchmark_grants_a_reply_holds_unless_the_suite_says_otherwise():
    settings = AgentSettings()
    assert settings.for_task(TASK).sampling.max_tokens == 30
    wider = Task(**{**TASK.__dict__, "asked": {"max_tokens": 50, "stop": ["x"]}})
    assert settings.for_task(wider).sampling.max_tokens == 50
    assert settings.for_task(wider).sampling.stop == ("x",)
    own = AgentSettings(sampling=Sampling(max_tokens=7), own=("max_tokens",))
    assert own.for_task(TASK).sampling.max_tokens == own.for_task(wider).sampling.max_tokens == 7


def test_settings_come_back_from_a_plan_as_they_were():
    from dataclasses import asdict

    settings = AgentSettings(thought_tokens=9, system_role=False, own=("stop",))
    assert settings_from_json(asdict(settings)) == settings
