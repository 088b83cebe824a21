"""The models of an analysis: from what was typed to loaded pairs that can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.engines.hf import HfEngine
from arena.engines.registry import ContestantSpec, make_engine, parse_contestant
from arena.errors import EngineError, UsageError
from arena.plan import read_plan

if TYPE_CHECKING:
    from arena.engines.hf_load import LoadedModel

_SHARED_OPTIONS = ("dtype", "tools")
"""What vLLM and transformers are both told of a model's weights and prompts."""
_PROBE = 'Thought: 2 + 2 = 4. \n{"name": "go", "arguments": {"room": "Küche \u2192 \U0001f511"}}'


@dataclass(frozen=True)
class Candidate:
    """A model that was asked for, not loaded: its name in tables, and the engine that finds and loads it."""

    name: str
    engine: HfEngine


@dataclass(frozen=True)
class Opened:
    """A loaded model under its name. `cache_bits`: its KV cache is rounded to so many (None: as it is)."""

    name: str
    loaded: "LoadedModel"
    cache_bits: int | None = None

    @property
    def vocabulary(self) -> int:
        """How many logits the model gives at a position."""
        return int(self.loaded.model.config.get_text_config(decoder=True).vocab_size)


def candidates(typed: Sequence[str]) -> list[Candidate]:
    """Return the models that contestants as typed (`[NAME=]SPEC[,option=value…]`) play with.

    A model folder without NAME is called as the folder. Raises `UsageError` for contestants that are no model
    in this process and for names given twice, `EngineError` for models that are not there.
    """
    return named([parse_contestant(text) for text in typed])


def named(specs: Sequence[ContestantSpec]) -> list[Candidate]:
    """Do the same with contestants that are read already."""
    found: dict[str, Candidate] = {}
    for spec in specs:
        engine = make_engine(spec.spec, spec.engine_options)
        if not isinstance(engine, HfEngine):
            raise UsageError(
                f"{spec.name} can't be analysed: its weights and logits are not in this process",
                "give a model folder, a GGUF file or hf:PATH_OR_ID",
            )
        name = Path(spec.spec).name if spec.name == spec.spec and Path(spec.spec).is_dir() else spec.name
        if name in found:
            raise UsageError(f"two models are called {name!r}", "give one a NAME= of its own")
        _ = engine.checkpoint  # a model that is not there is said before another is loaded
        found[name] = Candidate(name, engine)
    return list(found.values())


def in_this_process(contestant: Mapping[str, Any]) -> ContestantSpec | None:
    """Return how transformers loads a recorded contestant, None where it has no weights here.

    Who played in vLLM is read by transformers, from the same folder: the weights are what they were, the
    arithmetic is another engine's. A run may come from anyone: that a model's own code may run is not taken
    from it.
    """
    spec = contestant.get("spec", "")
    options = {
        name: value for name, value in contestant.get("options", {}).items() if name != "trust_remote_code"
    }
    engine = contestant.get("identity", {}).get("engine", {}).get("engine")
    if engine == "vllm" and spec.startswith("vllm:"):
        spec = f"hf:{spec.removeprefix('vllm:')}"
        options = {name: value for name, value in options.items() if name in _SHARED_OPTIONS}
    elif engine != "hf":
        return None
    return ContestantSpec(contestant["name"], spec, options)


def candidates_of_run(run: Path) -> list[Candidate]:
    """Return the models that a run's contestants played with; who plays without one is left out.

    Raises `UsageError` where none does, `EngineError` for models that are not there any more.
    """
    specs = [spec for each in read_plan(run)["contestants"] if (spec := in_this_process(each))]
    if not specs:
        raise UsageError(f"no contestant of {run} plays with a model in this process", "name the models")
    return named(specs)


def open_model(candidate: Candidate) -> Opened:
    """Load a model; slow. Raises `EngineError`."""
    engine = candidate.engine
    return Opened(candidate.name, engine.load_model(), cache_bits=engine.kv_bits)


def check_same_vocabulary(base: Opened, other: Opened) -> None:
    """Raise `UsageError` where the tokens of two models differ: their logits can't be compared one by one."""
    if base.vocabulary != other.vocabulary:
        raise UsageError(
            f"{base.name} and {other.name} have different vocabularies "
            f"({base.vocabulary} and {other.vocabulary} tokens), so their logits can't be compared",
            "compare a model with what was made from it",
        )
    first, second = base.loaded.tokenizer, other.loaded.tokenizer
    if first.get_vocab() != second.get_vocab() or _ids(first, _PROBE) != _ids(second, _PROBE):
        raise UsageError(
            f"{base.name} and {other.name} have different tokenizers, so their logits can't be compared",
            "if one is made from the other, copy the base's tokenizer files into its folder",
        )


def begins_with(tokenizer: Any) -> list[int]:
    """Return the tokens that the tokenizer puts before a text."""
    plain = _ids(tokenizer, "a", special=False)
    whole = _ids(tokenizer, "a", special=True)
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return whole[:start]
    return []


def check_fast_tokenizer(opened: Opened) -> None:
    """Raise `EngineError` where the tokenizer can't say which characters a token stands for."""
    if not opened.loaded.tokenizer.is_fast:
        raise EngineError(
            f"the tokenizer of {opened.name} can't tell which characters a token stands for",
            "convert it to a tokenizer.json, or analyse a text instead of a run",
        )


def _ids(tokenizer: Any, text: str, special: bool = False) -> list[int]:
    return list(tokenizer(text, add_special_tokens=special).input_ids)
