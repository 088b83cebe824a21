"""`arena recipes`: how models can be compressed."""

from arena.cli.options import Json


def recipes(as_json: Json = False) -> None:
    """List the recipes for `arena compress` and for contestants given as MODEL+RECIPE."""
    from arena.cli.output import print_json, print_table, say
    from compress.compressor import OWN_METHODS
    from compress.recipe import read_recipe, recipe_names
    from compress.with_llmcompressor import is_installed

    found = [read_recipe(name) for name in recipe_names()]
    if as_json:
        print_json([recipe.model_dump(mode="json") for recipe in found])
        return
    print_table(
        ("recipe", "method", "made by", "calibration", "what"),
        [
            (
                recipe.name,
                recipe.method,
                "arena" if isinstance(recipe, OWN_METHODS) else "llm-compressor",
                f"{recipe.samples} x {recipe.tokens} tokens" if recipe.needs_calibration else "none",  # type: ignore[union-attr]
                recipe.about,
            )
            for recipe in found
        ],
    )
    if not is_installed():
        say("llm-compressor is not installed here: `make compress` sets up a Python that has it")
    say(
        "other numbers in a name are fine (rtn-w3g32, magnitude-37, wanda-4:8); --set changes any setting; "
        "-a MODEL+RECIPE compresses on the fly"
    )
