from pathlib import Path

import pytest

from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.study.lineup import calibrated_recipes, not_on_a_cpu, recipe_name, study_contestants
from compress.recipe import read_recipe


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


def test_what_vllm_cannot_serve_plays_in_transformers_after_all_others():
    typed = study_contestants(
        ["m"], ["fp8", "recipes/gptq-w8.toml", "rtn-w4g128"], "vllm", ("fp8", "gptq-w8")
    )
    assert typed == [
        "m=vllm:m",
        "m-again=vllm:m",
        "m-tools=vllm:m,tools=template",
        "m-rtn-w4g128=vllm:m+rtn-w4g128",
        "m-in-hf=hf:m",
        "m-fp8=hf:m+fp8",
        "m-gptq-w8=hf:m+recipes/gptq-w8.toml",
    ]


def test_less_calibration_is_a_recipe_in_a_file_that_keeps_its_name(tmp_path: Path):
    own, calibrated = calibrated_recipes(["rtn-w4g128", "wanda-2:4"], 16, None, tmp_path / "recipes")
    assert own == "rtn-w4g128"
    assert recipe_name(calibrated) == "wanda-2:4"
    read = read_recipe(calibrated)
    assert read.samples == 16
    assert read.hash == read_recipe("wanda-2:4", {"samples": 16}).hash
    assert calibrated_recipes(["wanda-2:4"], None, None, tmp_path) == ["wanda-2:4"]


def test_vllm_on_a_cpu_serves_four_bits_and_what_has_no_grid():
    names = ["fp8", "gptq-w8", "rtn-w3g128", "gptq-w4g128", "awq-w4g128", "smoothquant-w8a8", "magnitude-2:4"]
    assert not_on_a_cpu(names) == ["fp8", "gptq-w8", "rtn-w3g128"]
    with pytest.raises(UsageError):
        not_on_a_cpu(["fp9"])
