from pathlib import Path

import pytest

from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.sweep.axes import axes, axis_called, line_up_sweep, read_values
from compress.recipe import read_recipe


def typed(
    axis: str, values: list[str], agents: list[str], recipe: str | None = None
) -> list[tuple[str, ...]]:
    wanted = axis_called(axis)
    return [
        point.typed for point in line_up_sweep(wanted, read_values(wanted, values), agents, recipe).points
    ]


@pytest.mark.parametrize(
    ("axis", "texts", "values"),
    [
        ("bits", ["3", "8", "4"], [8, 4, 3]),
        ("bits", ["2..4"], [4, 3, 2]),
        ("bits", ["4..2", "3"], [4, 3, 2]),
        ("sparsity", ["50", "12.5"], [12.5, 50]),
        ("group-size", ["0", "32", "128"], [32, 128, 0]),
        ("tools", ["128", "8"], [8, 128]),
        ("calibration", ["4", "64"], [64, 4]),
        ("kv-cache", ["4", "16", "8"], [16, 8, 4]),
    ],
)
def test_values_are_sorted_from_the_easiest_to_the_hardest(axis: str, texts: list[str], values: list[float]):
    assert read_values(axis_called(axis), texts) == values


@pytest.mark.parametrize(
    ("axis", "texts"),
    [
        ("bits", ["9"]),
        ("bits", ["x"]),
        ("bits", ["3.5"]),
        ("bits", []),
        ("tools", ["8"]),
        ("tools", ["0", "8"]),
        ("context", ["0..999999"]),
        ("context", ["30000..1000"]),
        ("result-size", ["0", "100001"]),
        ("kv-cache", ["16", "9"]),
        ("kv-cache", ["8", "0"]),
    ],
)
def test_values_that_an_axis_cannot_have_are_refused(axis: str, texts: list[str]):
    with pytest.raises(UsageError):
        read_values(axis_called(axis), texts)


def test_an_unknown_axis_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as unknown:
        axis_called("sparsty")
    assert "sparsity" in unknown.value.next_step


def test_each_value_of_a_recipe_axis_is_the_model_with_that_recipe():
    assert typed("bits", ["4", "3"], ["bundled"]) == [("bundled+rtn-w4g128",), ("bundled+rtn-w3g128",)]
    assert typed("bits", ["3"], ["hf:/m,seed=2"], "gptq-w8") == [("hf:/m+gptq-w3,seed=2",)]
    assert typed("group-size", ["32", "0"], ["bundled"], "rtn-w3g128") == [
        ("bundled+rtn-w3g32",),
        ("bundled+rtn-w3",),
    ]
    assert typed("sparsity", ["12.5"], ["b=bundled,seed=1"], "wanda-50") == [
        ("b-wanda-12.5=bundled+wanda-12.5,seed=1",)
    ]


def test_recipes_of_points_can_be_read_and_have_the_value():
    for value in (8, 5, 2):
        ((point,),) = typed("bits", [str(value)], ["bundled"])
        assert read_recipe(point.partition("+")[2]).bits == value


def test_a_number_of_calibration_texts_is_written_into_a_recipe_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ((point,),) = typed("calibration", ["16"], ["bundled"], "wanda-2:4")
    assert point.startswith("bundled-wanda-2of4-samples-16=bundled+")
    recipe = read_recipe(point.partition("+")[2])
    assert (recipe.samples, recipe.pattern) == (16, "2:4")


def test_each_value_of_a_setting_axis_has_contestants_with_that_setting_and_names_of_their_own():
    assert typed("tools", ["8", "16"], ["base=bundled,style=chat", "bundled+rtn-w4g128"]) == [
        (
            "base-tools-8=bundled,style=chat,offered_tools=8",
            "bundled-rtn-w4g128-tools-8=bundled+rtn-w4g128,offered_tools=8",
        ),
        (
            "base-tools-16=bundled,style=chat,offered_tools=16",
            "bundled-rtn-w4g128-tools-16=bundled+rtn-w4g128,offered_tools=16",
        ),
    ]
    assert typed("context", ["0", "100"], ["expert"]) == [
        ("expert-context-0=expert",),
        ("expert-context-100=expert,filler_tokens=100",),
    ]
    assert typed("result-size", ["0", "50"], ["expert"]) == [
        ("expert-result-size-0=expert",),
        ("expert-result-size-50=expert,result_tokens=50",),
    ]
    assert typed("kv-cache", ["4", "16"], ["base=bundled", "bundled+rtn-w4g128"]) == [
        ("base-kv-cache-16=bundled", "bundled-rtn-w4g128-kv-cache-16=bundled+rtn-w4g128"),
        (
            "base-kv-cache-4=bundled,kv_bits=4",
            "bundled-rtn-w4g128-kv-cache-4=bundled+rtn-w4g128,kv_bits=4",
        ),
    ]


def test_names_that_are_made_can_be_typed():
    for axis, values in (("bits", ["4"]), ("tools", ["8", "9"])):
        for agent in ("hf:/models/a b", "x=hf:/m/y\\,z,max_tokens=9"):
            for point in typed(axis, values, [agent]):
                parse_contestant(point[0])


@pytest.mark.parametrize(
    ("axis", "values", "agents", "recipe"),
    [
        ("bits", ["4"], [], None),
        ("bits", ["4"], ["bundled", "expert"], None),
        ("bits", ["4"], ["bundled"], "fp8"),
        ("sparsity", ["40"], ["bundled"], "magnitude-2:4"),
        ("calibration", ["4"], ["bundled"], "magnitude-50"),
        ("tools", ["8", "9"], ["expert"], "wanda-50"),
        ("kv-cache", ["16", "4"], ["expert"], None),
    ],
)
def test_contestants_and_recipes_that_do_not_fit_the_axis_are_refused(axis, values, agents, recipe):
    with pytest.raises(UsageError):
        typed(axis, values, agents, recipe)


def test_labels_have_their_unit():
    assert axes()["bits"].label(4) == "4 bits"
    assert axes()["sparsity"].label(12.5) == "12.5% zeros"
    assert axes()["context"].label(1000) == "1,000 tokens of text"
    assert axes()["group-size"].label(0) == "whole rows a scale"


def test_presets_and_names_of_the_contestants_file_are_swept_as_what_they_stand_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "contestants.toml"
    file.write_text('[mine]\nspec = "hf:/models/m"\nmax_tokens = 9\n')
    monkeypatch.setenv("ARENA_CONTESTANTS", str(file))
    assert typed("bits", ["4"], ["mine"]) == [("mine-rtn-w4g128=hf:/models/m+rtn-w4g128,max_tokens=9",)]
    ((preset,),) = typed("bits", ["4"], ["qwen2.5-7b"])
    assert preset.startswith("qwen2.5-7b-rtn-w4g128=hf:")
    assert "+rtn-w4g128" in preset
