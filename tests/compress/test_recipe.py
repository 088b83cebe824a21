"""Recipes by name, by file, and with changed settings."""

from pathlib import Path

import pytest

from compress.errors import RecipeError
from compress.recipe import is_recipe, read_recipe, recipe_names

PAPER = {
    *("gptq-w4g128", "gptq-w8", "awq-w4g128", "smoothquant-w8a8", "fp8", "rtn-w4g128"),
    *("magnitude-50", "magnitude-2:4", "wanda-50", "wanda-2:4", "sparsegpt-50", "sparsegpt-2:4"),
}


def test_all_recipes_that_the_paper_compares_are_there() -> None:
    assert set(recipe_names()) >= PAPER


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_says_what_it_does(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.about
    assert recipe.ignore == ("lm_head",)


def test_calibrated_recipes_take_128_texts_of_512_tokens() -> None:
    for name in recipe_names():
        recipe = read_recipe(name)
        if recipe.needs_calibration:
            assert (recipe.samples, recipe.tokens) == (128, 512)
    assert not read_recipe("rtn-w4g128").needs_calibration


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rtn-w3g32", {"method": "rtn", "bits": 3, "group_size": 32}),
        ("gptq-w3", {"method": "gptq", "bits": 3, "group_size": 0}),
        ("magnitude-37", {"method": "magnitude", "sparsity": 0.37, "pattern": None}),
        ("wanda-4:8", {"method": "wanda", "sparsity": 0.5, "pattern": "4:8"}),
        ("sparsegpt-1:4", {"method": "sparsegpt", "sparsity": 0.75, "pattern": "1:4"}),
    ],
)
def test_other_numbers_in_a_name_are_other_settings(name: str, settings: dict) -> None:
    recipe = read_recipe(name).model_dump()
    assert {key: recipe[key] for key in settings} == settings
    assert is_recipe(name)


def test_settings_can_be_changed_as_text() -> None:
    recipe = read_recipe("rtn-w4g128", {"bits": "3", "symmetric": "false", "ignore": "lm_head;re:.*q_proj"})
    assert (recipe.bits, recipe.symmetric) == (3, False)
    assert recipe.ignore == ("lm_head", "re:.*q_proj")
    assert recipe.name == "rtn-w4g128[bits=3,ignore=lm_head;re:.*q_proj,symmetric=false]"


def test_a_changed_sparsity_undoes_the_pattern() -> None:
    recipe = read_recipe("wanda-2:4", {"sparsity": "0.3"})
    assert (recipe.sparsity, recipe.pattern) == (0.3, None)


def test_a_file_can_build_on_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "gptq-w4g128"\ngroup_size = 32\n')
    recipe = read_recipe(str(file))
    assert (recipe.name, recipe.method, recipe.group_size, recipe.bits) == ("mine", "gptq", 32, 4)


def test_a_file_s_sparsity_undoes_the_pattern_that_it_builds_on(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "wanda-2:4"\nsparsity = 0.3\n')
    recipe = read_recipe(str(file))
    assert (recipe.sparsity, recipe.pattern) == (0.3, None)
    file.write_text('base = "wanda-50"\npattern = "1:4"\n')
    recipe = read_recipe(str(file))
    assert (recipe.sparsity, recipe.pattern) == (0.75, "1:4")


def test_what_is_said_of_a_recipe_is_not_said_of_a_changed_one() -> None:
    assert not read_recipe("rtn-w4g128", {"bits": "3"}).about


def test_a_file_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text("a = " + "[" * 100_000)
    with pytest.raises(RecipeError, match="can't be read"):
        read_recipe(str(file))


def test_the_hash_is_that_of_what_the_recipe_does(tmp_path: Path) -> None:
    file = tmp_path / "other-name.toml"
    file.write_text('method = "rtn"\nbits = 4\ngroup_size = 128\n')
    assert read_recipe(str(file)).hash == read_recipe("rtn-w4g128").hash
    assert read_recipe("rtn-w3g128").hash != read_recipe("rtn-w4g128").hash


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("rtn-w4g129x", {}, "no recipe 'rtn-w4g129x'"),
        ("nothing", {}, "no recipe 'nothing'"),
        ("rtn-w9g128", {}, "bits = 9"),
        ("magnitude-100", {}, "sparsity = 1.0"),
        ("magnitude-4:2", {}, "keeps 4 of every 2"),
        ("rtn-w4g128", {"bit": "3"}, "no setting 'bit'"),
        ("rtn-w4g128", {"bits": "many"}, "bits = many"),
        ("rtn-w4g128", {"method": "gptq", "bits": "99"}, "bits = 99"),
        ("rtn-w4g128", {"ignore": "lm_head;re:*q_proj"}, r"re:\*q_proj is no regular expression"),
        ("wanda-50", {"pattern": "2:4", "sparsity": "0.7"}, "2:4 is a sparsity of 0.5, not 0.7"),
        ("absent.toml", {}, "can't be read"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_sentence(name: str, changes: dict, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        read_recipe(name, changes)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_a_file_without_a_method_names_the_methods(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('method = "magic"\n')
    with pytest.raises(RecipeError, match="no known method") as caught:
        read_recipe(str(file))
    assert "gptq" in caught.value.next_step
