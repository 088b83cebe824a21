"""Constrained decoding: replies that can only be calls of the offered tools, with fitting arguments.

`constrained=json-schema` makes the tools of a request a JSON Schema of one call, {"name": …, "arguments": …},
as the `json` protocol reads it. In process, llguidance (MIT) turns that into the set of tokens that may come
next, in vLLM's process as well; servers do the same by themselves. A reply can still be cut by its token
limit, and a call that fits can still be the wrong one. Requests without tools (whole replies) are not
constrained.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from arena.errors import EngineError, MissingPackage, RefusedRequest
from arena.protocol.tools import toolbox

if TYPE_CHECKING:
    from torch import Tensor

Constrained = Literal["json-schema"]
PACKAGE = "llguidance"
_KEPT_GRAMMARS = 64
_SPACES: Any = {"whitespace_flexible": False, "item_separator": " ?, ?", "key_separator": " ?: ?"}
"""One space at most round a comma or a colon: a model that is not sure must not write spaces for ever.

Said so that the llguidance 1.7 of vLLM 0.32 heeds it too: it knows no `whitespace_pattern`.
"""
_GRAMMAR = 2
"""Counts the forms that a constrained reply has had."""


def call_schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of one call of one of the tools. Raises `UsageError` where a tool is broken."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {"name": {"type": "string", "enum": [tool.name]}, "arguments": tool.schema},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for tool in toolbox(tools).values()
        ]
    }


def guided_schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the schema of one call with what llguidance reads there of the spaces that may come."""
    return {**call_schema(tools), "x-guidance": _SPACES}


def response_format(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what asks an OpenAI-compatible server for one call of the tools."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "tool_call", "schema": call_schema(tools), "strict": True},
    }


def constraint_identity(constrained: str | None) -> dict[str, str]:
    """Return what an engine that constrains in this process says of it in its identity."""
    return {"constrained": f"{constrained} {_GRAMMAR}, {PACKAGE} {version(PACKAGE)}"} if constrained else {}


def check_installed() -> None:
    """Raise `MissingPackage` where llguidance is not installed."""
    if find_spec(PACKAGE) is None:
        raise MissingPackage(
            f"constrained decoding needs the package {PACKAGE}", "pip install 'arena[constrained]'"
        )


class Grammars:
    """The grammars of a model's tokens: made once for each set of tools, and copied for each reply."""

    def __init__(self, tokenizer: Any, vocabulary: int, stop_ids: frozenset[int]) -> None:
        """Read the tokenizer; takes a second with a large vocabulary. Raises `EngineError`."""
        from llguidance.hf import from_tokenizer

        try:
            self._tokens = from_tokenizer(
                tokenizer, n_vocab=max(vocabulary, len(tokenizer)), eos_token=sorted(stop_ids)
            )
        except Exception as error:
            raise EngineError(
                f"The model's tokenizer can't be constrained: {error}.", "Leave out the option constrained."
            ) from error
        self._made = lru_cache(maxsize=_KEPT_GRAMMARS)(self._make)

    def reply(self, tools: Sequence[Mapping[str, Any]]) -> "ConstrainedReply | None":
        """Return what may come in a reply to a request with these tools; None where there are none.

        Raises `EngineError` where their schemas can't be made a grammar.
        """
        if not tools:
            return None
        return ConstrainedReply(self._made(json.dumps(list(tools), default=dict)).deep_copy())

    def _make(self, tools: str) -> Any:
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(guided_schema(json.loads(tools)))
        matcher = LLMatcher(self._tokens, grammar, log_level=0)  # errors are told below, not on stderr
        if matcher.is_error():
            raise RefusedRequest(
                f"The tools' schemas can't constrain a reply: {matcher.get_error()}.",
                "Leave out the option constrained for this benchmark.",
            )
        return matcher


class ConstrainedReply:
    """What may come next in one reply. Not thread-safe; a reply has one of its own."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self, logits: "Tensor") -> "Tensor":
        """Return logits [vocabulary] with those of tokens that may not come next at minus infinity."""
        import numpy as np
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        may_come = torch.from_numpy(np.unpackbits(bits, bitorder="little")).bool()[: len(logits)]
        self._check()
        # what lies behind the tokenizer's last token is padding, no token
        forbidden = torch.ones(len(logits), dtype=torch.bool)
        forbidden[: len(may_come)] = ~may_come
        return logits.masked_fill(forbidden.to(logits.device), -torch.inf)

    def take(self, token: int) -> None:
        """Go on behind a token. Raises `EngineError` where it may not come."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EngineError(f"The constrained reply failed: {self._matcher.get_error()}.")
