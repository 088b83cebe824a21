"""How long the protocols take over a megabyte of hostile text, and how that grows from one to two.

Run it: `python tests/benchmarks/bench_protocol.py [MEGABYTES]`. A ratio near 2 is linear; near 4, quadratic.
"""

import sys
import time
from collections.abc import Callable

from arena.protocol import protocol

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "go",
            "parameters": {
                "type": "object",
                "properties": {
                    "room": {"type": "string", "pattern": "[a-z]+@"},
                    "path": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                },
                "required": ["room"],
            },
        },
    }
]


def repeat(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Return a function that makes a reply of about n characters."""
    return lambda size: before + unit * ((size - len(before) - len(after)) // len(unit)) + after


HOSTILE = {
    "one long word": repeat("a"),
    "blank lines": repeat("\n"),
    "short lines": repeat("a\n"),
    "spaces": repeat(" "),
    "brackets": repeat("["),
    "braces": repeat("{"),
    "nested objects": repeat('{"a":'),
    "half objects": repeat('{"a":1 '),
    "small objects in prose": repeat('{"a":1} '),
    "quotes": repeat('"'),
    "escapes": repeat("\\"),
    "open thoughts": repeat("<think>"),
    "thoughts": repeat("<think>a</think>"),
    "thoughts in text": repeat("a <think> "),
    "closed thoughts": repeat("</think>"),
    "action words": repeat("action "),
    "action labels": repeat("Action:\n"),
    "next actions": repeat("next action:\n\n"),
    "thought lines": repeat("Thought: a\n"),
    "markers": repeat("<tool_call>"),
    "long string": repeat("a", '{"name":"go","arguments":{"room":"', '"}}'),
    "long number": repeat("1", '{"name":"go","arguments":{"room":', "}}"),
    "long name": repeat("a", '{"name":"', '","arguments":{}}'),
    "many names": lambda size: (
        '{"name":"go","arguments":{' + ",".join(f'"k{i}":1' for i in range(size // 11))
    ),
    "many items": repeat("1,", '{"name":"go","arguments":{"room":"a@","path":[', "1]}}"),
    "9,000 items": lambda size: (
        repeat("1,", '{"name":"go","arguments":{"path":[', "1]}}")(18_000) + " " * size
    ),
    "string of a call": lambda size: '"' + '{\\"name\\":\\"go\\",' * (size // 16) + '"',
}


def seconds(name: str, reply: str) -> float:
    """Return how long one parse takes."""
    began = time.perf_counter()
    protocol(name).parse(reply, "length", TOOLS)
    return time.perf_counter() - began


def main() -> None:
    """Print a table."""
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * 1_000_000)
    print(f"{'':24}{'text':>18}{'json':>18}")
    print(f"{'':24}" + f"{'s':>10}{'2n / n':>8}" * 2)
    for label, reply in HOSTILE.items():
        row = f"{label:24}"
        for name in ("text", "json"):
            once, twice = seconds(name, reply(size)), seconds(name, reply(2 * size))
            row += f"{once:10.3f}{twice / once:8.1f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
