"""Which of the contestants that are ticked can't play here: asked before any other is got ready."""

from collections.abc import Sequence

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
    # what compresses takes its time to import
    from arena.compressed import is_any_kept, is_kept, split_recipe

    model, recipe = split_recipe(typed)
    if recipe is None or not is_any_kept(recipe):
        return False
    try:
        return is_kept(model, recipe)
    except (ArenaError, OSError):
        return False
