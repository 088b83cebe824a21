"""How layers are quantized: compressed-tensors' `quantization_config`, written and read.

Only what this package writes or llm-compressor writes for the recipes is known here: whole numbers of 2 to 8
bits by groups or rows, float8 by rows or layers, and 8-bit activations whose scales are found while the model
runs. https://github.com/vllm-project/compressed-tensors
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Number = Literal["int", "float"]


@dataclass(frozen=True)
class Scheme:
    """How a layer is quantized.

    `group_size` 0 means one scale a row. `activations` is how inputs are rounded, to 8 bits with a scale for
    each token; None where they are not.
    """

    bits: int
    number: Number = "int"
    group_size: int = 0
    symmetric: bool = True
    activations: Number | None = None

    @property
    def format(self) -> str:
        """The name that compressed-tensors has for the way in which the weights are stored."""
        if self.number == "float":
            return "float-quantized"
        return "int-quantized" if self.activations else "pack-quantized"


def quantization_config(schemes: Mapping[str, Scheme], others: Iterable[str]) -> dict[str, Any]:
    """Return the `quantization_config` that says how each layer is quantized.

    `schemes` is by layer name; `others` are the linear layers that are left as they are. Layers of the same
    last name (`down_proj`) have to have the same scheme, as servers that join layers need it.
    """
    members: dict[Scheme, set[str]] = defaultdict(set)
    for name, scheme in schemes.items():
        members[scheme].add(name.rpartition(".")[2])
    groups = {}
    for index, (scheme, leaves) in enumerate(sorted(members.items(), key=lambda item: min(item[1]))):
        pattern = f"re:(.*\\.)?({'|'.join(sorted(leaves))})$"
        groups[f"group_{index}"] = {
            "targets": ["Linear"] if len(members) == 1 else [pattern],
            "weights": _weights(scheme),
            "input_activations": _activations(scheme),
            "output_activations": None,
            "format": scheme.format,
        }
    formats = {scheme.format for scheme in members}
    return {
        "quant_method": "compressed-tensors",
        "format": formats.pop() if len(formats) == 1 else "mixed-precision",
        "quantization_status": "compressed",
        "config_groups": groups,
        "ignore": sorted(others),
        "kv_cache_scheme": None,
    }


def scheme_of(config: Mapping[str, Any], layer: str) -> Scheme | None:
    """Return how `quantization_config` says that a linear layer is quantized, None where it is not.

    Raises `ValueError` for what this package can't unpack.
    """
    if any(_matches(target, layer) for target in config.get("ignore") or ()):
        return None
    groups = [group for group in (config.get("config_groups") or {}).values() if isinstance(group, Mapping)]
    named = [g for g in groups if any(_matches(t, layer) for t in g["targets"])]
    found = named or [g for g in groups if "Linear" in g["targets"]]
    return _scheme(found[0]) if found else None


def _weights(scheme: Scheme) -> dict[str, Any]:
    return {
        "num_bits": scheme.bits,
        "type": scheme.number,
        "symmetric": scheme.symmetric,
        "strategy": "group" if scheme.group_size else "channel",
        "group_size": scheme.group_size or None,
        "dynamic": False,
    }


def _activations(scheme: Scheme) -> dict[str, Any] | None:
    if scheme.activations is None:
        return None
    return {
        "num_bits": 8,
        "type": scheme.activations,
        "symmetric": True,
        "strategy": "token",
        "dynamic": True,
    }


def _scheme(group: Mapping[str, Any]) -> Scheme:
    weights, inputs = group.get("weights"), group.get("input_activations")
    if not weights or group.get("output_activations") or weights.get("actorder") == "group":
        raise ValueError(
            "a layer whose weights are not quantized, whose outputs are, or with permuted groups"
        )
    if weights.get("type") not in ("int", "float") or weights.get("strategy") not in (
        "group",
        "channel",
        "tensor",
    ):
        raise ValueError(f"weights quantized as {weights.get('type')} by {weights.get('strategy')}")
    if weights.get("num_bits") not in range(1, 9):
        raise ValueError(f"weights of {weights.get('num_bits')} bits")
    if weights["type"] == "float" and (weights["num_bits"], weights["strategy"]) not in (
        (8, "channel"),
        (8, "tensor"),
    ):
        raise ValueError("float weights of other than 8 bits")
    if inputs and (inputs.get("num_bits"), inputs.get("strategy"), inputs.get("dynamic")) != (
        8,
        "token",
        True,
    ):
        raise ValueError("activations rounded in another way than to 8 bits for each token")
    return Scheme(
        bits=weights["num_bits"],
        number=weights["type"],
        group_size=weights.get("group_size") or 0 if weights["strategy"] == "group" else 0,
        symmetric=weights.get("symmetric", True),
        activations=inputs["type"] if inputs else None,
    )


def _matches(target: str, layer: str) -> bool:
    return re.match(target[3:], layer) is not None if target.startswith("re:") else target == layer
