"""Who plays in the study: each model, its twin, its native tool template, and all that recipes make of it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.errors import UsageError

RECIPES = (
    "fp8",
    "gptq-w8",
    "smoothquant-w8a8",
    "gptq-w4g128",
    "awq-w4g128",
    "rtn-w4g128",
    "rtn-w3g128",
    "magnitude-30",
    "magnitude-50",
    "wanda-50",
    "sparsegpt-50",
    "magnitude-2:4",
    "wanda-2:4",
    "sparsegpt-2:4",
)
OURS = (
    "fp8",
    "rtn-w4g128",
    "rtn-w3g128",
    "magnitude-30",
    "magnitude-50",
    "wanda-50",
    "magnitude-2:4",
    "wanda-2:4",
)
"""The recipes that need no llm-compressor."""

EngineKind = Literal["hf", "vllm"]


def study_contestants(models: Sequence[str], recipes: Sequence[str], engine: EngineKind = "hf") -> list[str]:
    """Return the study's contestants as they are typed after `-a`; the first model is the baseline.

    Of each model: the base; the base once more, which must tie (A/A), and with `vllm` a third time in
    transformers, which shows what numerics do; the base with tools in its chat template; each recipe.
    Raises `UsageError` for models that can't be compressed here, and for two that are called the same.
    """
    lines: list[str] = []
    names: set[str] = set()
    for model in models:
        if re.match(r"(openai|expert|random|script|replay):?", model):
            raise UsageError(
                f"the study compresses its models, and {model!r} is none that it can read",
                "give folders, hub ids or `bundled`; `arena batch study -a …` plays what servers serve",
            )
        name = re.sub(r"[^A-Za-z0-9._-]", "-", Path(model).name)
        if name in names:
            raise UsageError(f"two models are called {name!r}", "rename one of the folders")
        names.add(name)
        spec = model if model == "bundled" and engine == "hf" else f"{engine}:{_argument(model)}"
        lines += [f"{name}={spec}", f"{name}-again={spec}"]
        if engine == "vllm":
            lines.append(f"{name}-in-hf=hf:{_argument(model)}")
        if model != "bundled":  # its chat template takes no tools
            lines.append(f"{name}-tools={spec},tools=template")
        lines += [f"{name}-{recipe.replace(':', 'of')}={spec}+{recipe}" for recipe in recipes]
    return lines


def _argument(model: str) -> str:
    return model.partition(":")[2] if model.startswith(("hf:", "vllm:")) else model
