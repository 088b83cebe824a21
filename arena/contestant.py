"""A contestant: an agent under a name, and the content hash that says which agent it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arena.agent import AgentSettings
from arena.burden import check_burden
from arena.compressed import Listener
from arena.engines.base import Engine, Sampling, Style
from arena.engines.registry import ContestantSpec, make_engine
from arena.errors import Unsupported
from arena.prompt import wording
from arena.protocol.wording import texts
from arena.suite import GroupSettings, SuiteSettings


@dataclass(frozen=True)
class Contestant:
    """Who plays. `identity` holds all that shapes its replies, and never a path, a port or a name.

    `own` are the settings that were typed for this contestant, as typed: with `spec` and `engine_options`
    they make it again.
    """

    name: str
    spec: str
    engine_options: Mapping[str, Any]
    settings: AgentSettings
    identity: Mapping[str, Any]
    size_bytes: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    recorded_hash: str | None = None
    """Of a contestant that is read back from a run: TOML keeps no None, which counts in the hash."""

    @property
    def hash(self) -> str:
        """SHA-256 (first 16 hex digits) of the identity."""
        if self.recorded_hash:
            return self.recorded_hash
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def enter(
    spec: ContestantSpec, suite: SuiteSettings, on_compress: Listener | None = None
) -> tuple[Contestant, Engine]:
    """Return the contestant that a spec means in a suite, and its engine (not started).

    Raises `UsageError` for unknown engines and options, `EngineError` for models that can't be read,
    `Unsupported` where the engine can't be asked by the suite's protocol.
    """
    engine = make_engine(spec.spec, spec.engine_options, on_compress)
    settings = agent_settings(suite, spec.settings, engine.preferred_style())
    if engine.constrained and settings.protocol != "json":
        raise Unsupported(
            f"{spec.name} is constrained to tool calls, and plays by the protocol {settings.protocol!r}",
            "add protocol=json, or leave out constrained",
        )
    check_burden(spec.name, settings.offered_tools, settings.protocol, settings.style)
    identity: dict[str, Any] = {
        "engine": dict(engine.identity()),
        "settings": settings.content(),
        "prompts": [wording()["version"], texts()["version"]],
    }
    if spec.engine_options.get("trust_remote_code"):
        identity["remote_code"] = True  # which code runs the weights is not in their hash
    contestant = Contestant(
        spec.name, spec.spec, spec.engine_options, settings, identity, engine.size_bytes(), spec.settings
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
    # a group of tasks may want to be asked otherwise, but not than the contestant or its model was made for
    settled = {*own} | ({"style"} if preferred_style and merged.style == "auto" else set())
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
        thought_tokens=merged.thought_tokens,
        system_role=merged.system_role,
        dialect=merged.dialect,
        offered_tools=merged.offered_tools,
        filler_tokens=merged.filler_tokens,
        result_tokens=merged.result_tokens,
        own=tuple(sorted(settled & GroupSettings.model_fields.keys())),
    )
