"""`arena.json` in a checkpoint: how it was made, from what, and what came of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.errors import CheckpointError
from compress.recipe import Recipe

if TYPE_CHECKING:
    from compress.measure import LayerReport

CARD = "arena.json"
FORMAT = 1
_PACKAGES = ("arena", "torch", "transformers", "safetensors", "compressed-tensors", "llmcompressor")


@dataclass(frozen=True)
class Card:
    """What is known of a compressed checkpoint.

    `size_bytes` are the weight files on disk; `memory_bytes` the weights as a server holds them that computes
    with the compressed format; `unpacked_bytes` as transformers holds them. `sparsity` is the share of zeros
    in the layers that the recipe changed, counted in the stored weights; `pattern` the N:M pattern, where
    every row of every such layer has it. `seconds` is how long compressing took.
    """

    recipe: dict[str, Any]
    recipe_hash: str
    base: dict[str, Any]
    calibration: dict[str, Any] | None
    size_bytes: int
    memory_bytes: int
    unpacked_bytes: int
    sparsity: float
    pattern: str | None
    error: float | None
    seconds: float
    notes: tuple[str, ...]
    versions: dict[str, str]
    layers: tuple["LayerReport", ...]


def versions() -> dict[str, str]:
    """Return the versions of the packages that have a part in a checkpoint."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_card(folder: Path, card: Card) -> None:
    """Write `arena.json` into a checkpoint."""
    layers = [
        {key: value for key, value in asdict(layer).items() if key != "has_pattern"} for layer in card.layers
    ]
    text = json.dumps({"format": FORMAT, **asdict(card), "layers": layers}, indent=1, ensure_ascii=False)
    (folder / CARD).write_text(text + "\n", "utf-8")


def read_card(folder: Path) -> dict[str, Any]:
    """Return what `arena.json` of a checkpoint says. Raises `CheckpointError` where it has none."""
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / CARD} can't be read: {error}.") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise CheckpointError(f"{folder / CARD} is no card of a format that this version knows.")
    return card


def pattern_of(recipe: Recipe, layers: Sequence["LayerReport"]) -> str | None:
    """Return the recipe's N:M pattern where all its layers have it, None where there is none.

    Raises `CheckpointError` where a layer lacks the pattern that it should have.
    """
    pattern: str | None = getattr(recipe, "pattern", None)
    if pattern is None:
        return None
    without = [layer.name for layer in layers if not layer.has_pattern]
    if without:
        raise CheckpointError(f"{without[0]} has not the pattern {pattern} in every row after compression.")
    return pattern
