"""How our dialects read the fixtures of `canitoolcall` (Apache-2.0): raw replies and what they mean.

Run it where canitoolcall is installed: `python tests/benchmarks/bench_dialects.py [FOLDER OF FIXTURES]`. A
fixture passes if its calls are exactly the expected ones; where an error is expected, if there are none.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from arena.protocol.dialects import dialect, listen

PUBLISHED = {
    "vLLM 0.30.0": (469, 268, 86),
    "SGLang 0.5.20": (448, 189, 62),
    "llama.cpp a25c9865": (438, 278, 46),
    "Ollama 7af39318": (261, 224, 10),
    "transformers 5.17.0": (48, 33, 7),
}
"""Fixtures supported, passed and softly passed, as canitoolcall's own page of 2026-09-25 has them.

Engines support different fixtures and a pass there is stricter (text and streaming, too): no ranking.
"""
FAMILIES = {"qwen3-hermes": "hermes", "mistral": "mistral", "llama": "llama3", "deepseek": "deepseek"}


def fixtures() -> Path:
    """Return the folder of fixtures. Exits where there is none."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    try:
        import canitoolcall
    except ImportError:
        sys.exit(
            "needs canitoolcall (pip install canitoolcall), or the folder of its fixtures as an argument"
        )
    return Path(canitoolcall.__file__).parent / "_data/fixtures"


def name_of(fixture: dict) -> str | None:
    """Return the dialect of a fixture; None for formats that we don't read (DeepSeek's DSML)."""
    family, _, name = fixture["id"].partition("/")
    if family == "llama" and name.startswith("l4-"):
        return "pythonic"
    if family == "deepseek" and "DSML" in json.dumps(fixture["raw_output"], ensure_ascii=False):
        return None
    return FAMILIES.get(family)


def passes(fixture: dict, name: str) -> bool:
    """Tell whether the calls are the expected ones."""
    spoken = listen(fixture["raw_output"], dialect(name))
    calls = [{"name": call.name, "arguments": call.arguments} for call in spoken.calls]
    expected = fixture["expected"]["tool_calls"] if "expected" in fixture else []
    return json.dumps(calls, sort_keys=True) == json.dumps(expected, sort_keys=True)


def leaks(fixture: dict, name: str) -> bool:
    """Tell whether the text beside the calls is another than expected, white space at its ends aside."""
    if "expected" not in fixture:
        return False
    content = listen(fixture["raw_output"], dialect(name)).content
    return content.strip() != (fixture["expected"]["content"] or "").strip()


def main() -> None:
    """Print a table, and what fails."""
    passed, clean, total, failed = Counter(), Counter(), Counter(), []
    for path in sorted(fixtures().glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            fixture = json.loads(line)
            name = name_of(fixture)
            if name is None:
                continue
            total[name] += 1
            passed[name] += passes(fixture, name)
            clean[name] += not leaks(fixture, name)
            if not passes(fixture, name):
                failed.append(fixture["id"])
            elif leaks(fixture, name):
                failed.append(fixture["id"] + " (text)")
    print(f"{'dialect':12}{'fixtures':>10}{'calls right':>14}{'text right':>14}")
    for name in total:
        print(f"{name:12}{total[name]:10}{passed[name]:14}{clean[name]:14}")
    print(f"{'all':12}{total.total():10}{passed.total():14}{clean.total():14}")
    for each in failed:
        print("  not as expected:", each)
    print("\npublished of engines' own parsers (other fixtures, stricter passes: no ranking)")
    print(f"{'engine':22}{'fixtures':>10}{'pass':>8}{'soft':>8}")
    for engine, (supported, strict, soft) in PUBLISHED.items():
        print(f"{engine:22}{supported:10}{strict:8}{soft:8}")


if __name__ == "__main__":
    main()
