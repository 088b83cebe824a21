"""What a recipe will do to a model: layer by layer, with the exact size of the result, before it is done."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from compress.architecture import Architecture
from compress.errors import RecipeError
from compress.recipe import Awq, Fp8, Gptq, Magnitude, Recipe, Rtn, SmoothQuant, SparseGpt, Wanda
from compress.scheme import Scheme
from compress.tensor_file import Slot, file_size_bytes

_SMALLEST_GROUP = 8
"""Of smaller groups the scales take more room than the bits that are saved."""


@dataclass(frozen=True)
class LayerPlan:
    """What happens to a linear layer [out, in]: `scheme` where it is quantized, `sparsity` of its weights."""

    name: str
    rows: int
    width: int
    scheme: Scheme | None = None
    sparsity: float = 0.0


@dataclass(frozen=True)
class CompressionPlan:
    """What a recipe does to a model.

    `layers` are those that it changes, `others` the names of the linear layers that it leaves. `slots` are
    the tensors that the result holds, `notes` what a user should know.
    """

    layers: tuple[LayerPlan, ...]
    others: tuple[str, ...]
    slots: Mapping[str, Slot]
    notes: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """Size of the result's weight file."""
        return file_size_bytes(self.slots)


def make_plan(architecture: Architecture, recipe: Recipe) -> CompressionPlan:
    """Return what a recipe does to a model. Raises `RecipeError` where it can't be done."""
    ignored = [name for name in architecture.linears if _is_ignored(name, recipe.ignore)]
    chosen = [name for name in architecture.linears if name not in set(ignored)]
    if not chosen:
        raise RecipeError(
            f"The recipe {recipe.name} ignores all linear layers of the model.", "Ignore fewer of them."
        )
    shared = _shared_widths({name: architecture.stored[f"{name}.weight"].shape[1] for name in chosen})
    layers = tuple(
        _layer_plan(name, architecture.stored[f"{name}.weight"], recipe, shared[_last_name(name)])
        for name in chosen
    )
    slots = dict(architecture.stored)
    for layer in layers:
        if layer.scheme:
            slots |= _quantized_slots(layer, layer.scheme, slots.pop(f"{layer.name}.weight").dtype)
    notes = (*_needless(recipe, architecture), *_notes(layers, recipe))
    return CompressionPlan(layers, tuple(ignored), slots, notes)


def fitting_group_size(wanted: int, width: int) -> int:
    """Return the largest divisor of a layer's width that is not larger than the group size that is wanted."""
    return next(size for size in range(min(wanted, width), 0, -1) if width % size == 0)


def _last_name(name: str) -> str:
    return name.rpartition(".")[2]


def _shared_widths(widths: Mapping[str, int]) -> dict[str, int]:
    """Return by last name (`c_proj`) the largest number that divides the widths of all layers of that name.

    Servers tell by the last name how a layer is quantized, so those have to have one group size.
    """
    shared: dict[str, int] = defaultdict(int)
    for name, width in widths.items():
        shared[_last_name(name)] = gcd(shared[_last_name(name)], width)
    return shared


def _layer_plan(name: str, slot: Slot, recipe: Recipe, shared_width: int) -> LayerPlan:
    rows, width = slot.shape
    if slot.dtype not in ("F32", "BF16", "F16"):
        raise RecipeError(
            f"The weights of {name} are {slot.dtype}: only F32, BF16 and F16 can be compressed."
        )
    if isinstance(recipe, Magnitude | Wanda | SparseGpt):
        pattern = recipe.keep_of
        if pattern and isinstance(recipe, SparseGpt):
            _check_block_size(recipe.block_size, pattern[1])
        if pattern and width % pattern[1]:
            raise RecipeError(
                f"{name} has rows of {width} weights, which are no whole number of groups of {pattern[1]}.",
                f'Leave it out: ignore = ["lm_head", "{_last_name(name)}"].',
            )
        return LayerPlan(name, rows, width, sparsity=recipe.sparsity)
    scheme = _scheme(recipe, shared_width)
    wanted = getattr(recipe, "group_size", 0)
    if 0 < scheme.group_size < min(_SMALLEST_GROUP, wanted):
        others = "" if shared_width == width else f", others of its name are not: {shared_width} divides all"
        raise RecipeError(
            f"{name} is {width} wide{others}: no group size from {_SMALLEST_GROUP} to {wanted} divides that.",
            f"Set group_size=0 (one scale a row), or ignore={'lm_head;' + _last_name(name)}.",
        )
    return LayerPlan(name, rows, width, scheme)


def _check_block_size(block_size: int, neighbours: int) -> None:
    """Refuse blocks of columns that cut patterns apart: SparseGPT would leave the weights at their ends."""
    if block_size % neighbours:
        fitting = max(block_size // neighbours, 1) * neighbours
        raise RecipeError(
            f"block_size = {block_size} is no whole number of groups of {neighbours}, the pattern's.",
            f"Set block_size={fitting}.",
        )


def _scheme(recipe: Recipe, width: int) -> Scheme:
    if isinstance(recipe, Fp8):
        return Scheme(8, "float", activations="float")
    if isinstance(recipe, SmoothQuant):
        return Scheme(8, activations="int")
    assert isinstance(recipe, Rtn | Gptq | Awq)
    size = fitting_group_size(recipe.group_size, width) if recipe.group_size else 0
    return Scheme(recipe.bits, group_size=size, symmetric=recipe.symmetric)


def _quantized_slots(layer: LayerPlan, scheme: Scheme, dtype: str) -> dict[str, Slot]:
    # torch is imported only by what computes: settings of its threads have to come before
    from compress.packing import packed_width

    rows, width, groups = layer.rows, layer.width, layer.width // (scheme.group_size or layer.width)
    scale = {f"{layer.name}.weight_scale": Slot(dtype, (rows, groups))}
    if scheme.format != "pack-quantized":
        return {
            f"{layer.name}.weight": Slot("F8_E4M3" if scheme.number == "float" else "I8", (rows, width)),
            **scale,
        }
    slots = {
        f"{layer.name}.weight_packed": Slot("I32", (rows, packed_width(width, scheme.bits))),
        f"{layer.name}.weight_shape": Slot("I64", (2,)),
        **scale,
    }
    if not scheme.symmetric:
        slots[f"{layer.name}.weight_zero_point"] = Slot("I32", (packed_width(rows, scheme.bits), groups))
    return slots


def _needless(recipe: Recipe, architecture: Architecture) -> list[str]:
    """Tell what a recipe ignores in vain: a misspelt name would otherwise be seen in the scores only."""
    names = {*architecture.linears, "lm_head"}  # which many models tie to their embeddings
    vain = [each for each in recipe.ignore if not any(_is_ignored(name, (each,)) for name in names)]
    return [f"the model has no linear layer that ignore={';'.join(vain)} would leave out"] if vain else []


def _notes(layers: tuple[LayerPlan, ...], recipe: Recipe) -> list[str]:
    notes = []
    wanted = getattr(recipe, "group_size", 0)
    changed: dict[tuple[int, int], list[str]] = {}
    for layer in layers:
        if layer.scheme and wanted and layer.scheme.group_size != wanted:
            changed.setdefault((layer.scheme.group_size, layer.width), []).append(layer.name)
    for (size, width), names in changed.items():
        why = f"{wanted} does not divide their width"
        if size != fitting_group_size(wanted, width):
            why = "layers of one name have one group size, and others of theirs are of another width"
        notes.append(
            f"group size {size} instead of {wanted} in {len(names)} layers that are {width} wide, "
            f"{names[0]} among them: {why}"
        )
    bits = getattr(recipe, "bits", 8)
    if bits not in (4, 8):
        notes.append(f"{bits}-bit weights are for transformers: vLLM has kernels for 4 and 8 bits only")
    return notes


def _is_ignored(name: str, ignore: tuple[str, ...]) -> bool:
    return any(
        re.match(each[3:], name) is not None
        if each.startswith("re:")
        else each in (name, name.rpartition(".")[2])
        for each in ignore
    )
