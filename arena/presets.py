"""Presets: models by a short name, with what must be known of each before it is a fair contestant."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from arena.engines.registry import MODEL_KINDS


@dataclass(frozen=True)
class Preset:
    """A model as `presets.toml` describes it; the fields' meaning is said there."""

    name: str
    title: str
    hub: str
    parameters: float
    context_tokens: int
    stop: tuple[str, ...]
    system_role: bool = True
    thought_tokens: int = 0
    remote_code: bool = False
    gated: bool = False
    dialect: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the contestant's settings in which the model differs from others."""
        own: dict[str, Any] = {"stop": list(self.stop)}
        if not self.system_role:
            own["system_role"] = False
        if self.thought_tokens:
            own["thought_tokens"] = self.thought_tokens
        if self.dialect:
            own["dialect"] = self.dialect
        return own

    def remarks(self) -> str:
        """Say in words what a person should know before using it."""
        said = [f"{self.parameters:g}B", f"{self.context_tokens:,} tokens"]
        said += [] if self.system_role else ["no system role"]
        said += ["thinks first"] if self.thought_tokens else []
        said += ["needs trust_remote_code=true"] if self.remote_code else []
        said += ["licence to accept on the hub"] if self.gated else []
        return ", ".join(said)


@dataclass(frozen=True)
class Meant:
    """A spec in which a preset stood: the preset, the spec with the model's own name in its place, a name."""

    preset: Preset
    spec: str
    name: str


@cache
def presets() -> Mapping[str, Preset]:
    """Return the presets by name."""
    tables = tomllib.loads(files("arena").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {
        name: Preset(**{"name": name, **table, "stop": tuple(table["stop"])})
        for name, table in tables.items()
    }


def meant(spec: str) -> Meant | None:
    """Return what a spec means in which a preset's name stands for a model; None where none does.

    The forms are `NAME`, `hf:NAME`, `vllm:NAME`, each with `+RECIPE`, and `openai:URL#NAME`. A file or folder
    of that name comes first.
    """
    kind, colon, argument = spec.partition(":")
    if kind == "openai":
        url, _, model = argument.partition("#")
        preset = presets().get(model)
        return Meant(preset, f"openai:{url}#{preset.hub}", model) if preset else None
    engine, model = (f"{kind}:", argument) if colon and kind in MODEL_KINDS else ("hf:", spec)
    name, plus, recipe = model.partition("+")
    preset = presets().get(name)
    if preset is None or Path(name).exists():
        return None
    own_name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}{plus}{Path(recipe).name}")
    return Meant(preset, f"{engine}{preset.hub}{plus}{recipe}", own_name)


def typed(text: str) -> tuple[str, Preset | None]:
    r"""Return a contestant as typed with its preset spelled out; what is typed comes after the preset's own.

    `text` is `[NAME=]SPEC[,option=value…]`; a contestant without a NAME is called as its preset is.
    """
    head, comma, options = _at_first_comma(text)
    own_name, spec = _name_and_spec(head)
    found = meant(spec)
    if found is None:
        return text, None
    own = ",".join(f"{key}={_escaped(value)}" for key, value in found.preset.options().items())
    return f"{own_name or found.name}={found.spec},{own}{comma}{options}", found.preset


def _at_first_comma(text: str) -> tuple[str, str, str]:
    match = re.search(r"(?<!\\),", text)
    return (text[: match.start()], ",", text[match.end() :]) if match else (text, "", "")


def _name_and_spec(head: str) -> tuple[str, str]:
    name, equals, spec = head.partition("=")
    is_name = bool(equals) and re.fullmatch(r"[A-Za-z0-9._-]+", name) is not None
    return (name, spec) if is_name else ("", head)


def _escaped(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace(",", "\\,")
