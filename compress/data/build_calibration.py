"""Make calibration.txt anew: `python compress/data/build_calibration.py GENERATED.jsonl`.

GENERATED.jsonl holds objects with `text`: what SmolLM2-135M-Instruct (Apache-2.0) wrote when asked for
essays, stories, letters, dialogues, instructions and programs on everyday subjects. To this come the
project's own documentation and source. Texts are separated by two empty lines.
"""

import json
import random
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_BYTES = 640_000
SHORTEST, LONGEST = 300, 6_000
MOST_REPETITIVE = 0.25
"""Texts that shrink below this share of their size repeat themselves."""


def own_texts() -> list[str]:
    """Return the project's documentation, and parts of its source, in an order that is always the same."""
    documents = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    source = [
        file
        for package in ("analysis", "arena", "compress", "envs", "tui")
        for file in sorted((ROOT / package).rglob("*.py"))
    ]
    random.Random(0).shuffle(source)
    return [file.read_text("utf-8").strip() for file in (*documents, *source)]


def generated_texts(file: Path) -> list[str]:
    """Return the texts of GENERATED.jsonl without those that are short, repeat themselves or aren't ASCII."""
    texts = [json.loads(line)["text"].strip() for line in file.read_text("utf-8").splitlines()]
    return [text for text in texts if len(text) >= SHORTEST and text.isascii() and not repeats_itself(text)]


def repeats_itself(text: str) -> bool:
    """Whether a text is so repetitive that it says little."""
    return len(zlib.compress(text.encode())) < MOST_REPETITIVE * len(text)


def main() -> None:
    """Write calibration.txt beside this file."""
    texts = [*generated_texts(Path(sys.argv[1])), *own_texts()]
    kept, size = [], 0
    for text in texts:
        part = text[:LONGEST].replace("\n\n\n", "\n\n")
        size += len(part.encode()) + 3
        if size > MOST_BYTES:
            break
        kept.append(part)
    random.Random(1).shuffle(kept)
    Path(__file__).with_name("calibration.txt").write_text("\n\n\n".join(kept) + "\n", "utf-8")


if __name__ == "__main__":
    main()
