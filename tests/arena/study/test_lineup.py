import pytest

from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.study.lineup import study_contestants


def test_a_model_plays_as_it_is_twice_with_its_own_tool_template_and_by_each_recipe():
    assert study_contestants(["/models/qwen"], ["fp8", "magnitude-2:4"]) == [
        "qwen=hf:/models/qwen",
        "qwen-again=hf:/models/qwen",
        "qwen-tools=hf:/models/qwen,tools=template",
        "qwen-fp8=hf:/models/qwen+fp8",
        "qwen-magnitude-2of4=hf:/models/qwen+magnitude-2:4",
    ]
    assert study_contestants(["bundled"], []) == ["bundled=bundled", "bundled-again=bundled"]


def test_in_vllm_the_base_plays_in_transformers_too():
    typed = study_contestants(["/models/qwen 0.5b"], ["fp8"], "vllm")
    assert "qwen-0.5b-in-hf=hf:/models/qwen 0.5b" in typed
    assert "qwen-0.5b-fp8=vllm:/models/qwen 0.5b+fp8" in typed


def test_all_names_are_names():
    for typed in study_contestants(["/models/a&b", "bundled"], ["wanda-2:4"]):
        parse_contestant(typed)


@pytest.mark.parametrize("models", [["openai:http://localhost#m"], ["expert"], ["a/m", "b/m"]])
def test_what_cannot_be_studied_is_refused(models: list[str]):
    with pytest.raises(UsageError):
        study_contestants(models, ["fp8"])
