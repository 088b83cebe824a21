"""A contestant: an agent under a name, and the content hash that says which agent it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from arena.agent import AgentSettings
from arena.compressed import Listener
from arena.engines.base import Engine, Sampling, Style
from arena.engines.registry import ContestantSpec, make_engine
from arena.prompt import wording
from arena.protocol.wording import texts
from arena.suite import SuiteSettings


@dataclass(frozen=True)
class Contestant:
    """Who plays. `identity` holds all that shapes its replies, and never a path, a port or a name."""

    name: str
    spec: str
    engine_options: Mapping[str, Any]
    settings: AgentSettings
    identity: Mapping[str, Any]
    size_bytes: int | None = None

    @property
    def hash(self) -> str:
        """SHA-256 (first 16 hex digits) of the identity."""
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def enter(
    spec: ContestantSpec, suite: SuiteSettings, on_compress: Listener | None = None
) -> tuple[Contestant, Engine]:
    """Return the contestant that a spec means in a suite, and its engine (not started).

    Raises `UsageError` for unknown engines and options, `EngineError` for models that can't be read.
    """
    engine = make_engine(spec.spec, spec.engine_options, on_compress)
    settings = agent_settings(suite, spec.settings, engine.preferred_style())
    identity = {
        "engine": dict(engine.identity()),
        "settings": asdict(settings),
        "prompts": [wording()["version"], texts()["version"]],
    }
    contestant = Contestant(
        spec.name, spec.spec, spec.engine_options, settings, identity, engine.size_bytes()
    )
    return contestant, engine


def agent_settings(
    suite: SuiteSettings, own: Mapping[str, Any], preferred_style: Style | None = None
) -> AgentSettings:
    """Return how a contestant is asked: the suite's settings, with the contestant's own over them.

    `preferred_style` is the model's own, which counts where neither says anything else.
    """
    merged = SuiteSettings.model_validate({**suite.model_dump(), **own})
    # AgentBoard's one-message form for text; tool calls are what chat templates are made for
    usual: Style = "chat" if merged.protocol == "json" else "flat"
    style = preferred_style or usual if merged.style == "auto" else merged.style
    return AgentSettings(
        protocol=merged.protocol,
        style=style,
        sampling=Sampling(
            max_tokens=merged.max_tokens,
            temperature=merged.temperature,
            top_p=merged.top_p,
            seed=merged.seed,
            stop=merged.stop,
        ),
        history_items=merged.history_items,
        example=merged.example,
        context_tokens=merged.context_tokens,
    )
