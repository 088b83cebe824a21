"""Which of the contestants that are ticked can't play here: asked before any other is got ready."""

import re
from collections.abc import Sequence

import platformdirs

from arena.errors import ArenaError
from arena.overview import Candidate
from tui.choice import Choice
from tui.homelists import lack_of_candidate


def lacking(candidates: Sequence[Candidate], choice: Choice) -> list[Candidate]:
    """Return the contestants that are ticked and lack something, in the order in which they play."""
    return [each for each in candidates if each.mend and choice.place(each.typed) is not None]


def lacks(candidates: Sequence[Candidate]) -> str:
    """Return why contestants that lack something can't play, and what to do; empty where they can.

    What a package would make may have been made elsewhere, and is kept. May have to read files and to import.
    """
    return "\n".join(lack_of_candidate(each) for each in candidates if not _is_made(each.typed))


def _is_made(typed: str) -> bool:
    from arena.compressed import is_kept, split_recipe  # what compresses takes its time to import

    model, recipe = split_recipe(typed)
    if recipe is None or not _may_be_kept(recipe):
        return False
    try:
        return is_kept(model, recipe)
    except (ArenaError, OSError):
        return False


def _may_be_kept(recipe: str) -> bool:
    """Tell at once whether anything is kept that this recipe made; of which model, its files say."""
    kept = platformdirs.user_cache_path("arena") / "compressed"
    return any(each.is_dir() for each in kept.glob(re.sub(r"[^\w.-]+", "*", recipe) + "-*"))
