"""What vLLM makes of a constraint, by its own code and without a model: which texts may come."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "toys"))
from tiny_models import byte_tokenizer

from arena.engines.constrained import guided_schema, response_format

pytestmark = pytest.mark.vllm
GO = {"type": "object", "properties": {"room": {"type": "integer"}}, "required": ["room"]}
TOOLS = ({"type": "function", "function": {"name": "go", "parameters": GO}},)
COMPACT = '{"name":"go","arguments":{"room":3}}'
SPACED = '{"name": "go", "arguments": {"room": 3}}'


def may_come(schema: dict[str, Any], text: str, *, compact: bool) -> bool:
    from llguidance import LLMatcher
    from llguidance.hf import from_tokenizer
    from vllm.v1.structured_output.backend_guidance import serialize_guidance_grammar
    from vllm.v1.structured_output.backend_types import StructuredOutputOptions

    tokenizer = byte_tokenizer()
    grammar = serialize_guidance_grammar(StructuredOutputOptions.JSON, json.dumps(schema), compact)
    matcher = LLMatcher(from_tokenizer(tokenizer, 320), grammar, log_level=0)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    return bool(matcher.try_consume_tokens(ids) == len(ids))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [(COMPACT, True), (SPACED, True), (COMPACT[:8] + "  ", False), ("{ ", False), ("I", False)],
)
def test_in_process_one_space_at_most_stands_round_a_colon_or_a_comma(text: str, allowed: bool) -> None:
    assert may_come(guided_schema(TOOLS), text, compact=False) is allowed


@pytest.mark.parametrize(("text", "allowed"), [(COMPACT, True), (SPACED, False), ("{ ", False), ("I", False)])
def test_a_server_that_arena_starts_writes_no_spaces(text: str, allowed: bool) -> None:
    schema = response_format(TOOLS)["json_schema"]["schema"]
    assert may_come(schema, text, compact=True) is allowed
