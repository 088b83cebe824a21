"""The tasks of LongGenBench: ours, with 2 to 40 questions a prompt, and those of the user's copy.

Official files, in the folder that `envs.datasets.official_folder("longgen")` names: `gsm8k.jsonl` (OpenAI's
test.jsonl: question, and answer that ends in `#### NUMBER`) and `mmlu/SUBJECT_test.csv` (question, four
choices, letter).
"""

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path

from envs.base import Source, Task
from envs.datafile import json_lines, text_of
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData
from envs.longgen.bundled import choice, lettered, problem
from envs.longgen.scoring import Kind, last_number

COUNTS = (2, 5, 10, 20, 30, 40)
"""How many questions the bundled prompts ask; a subset's tasks take turns."""
TASKS_A_KIND = 24
GSM8K_QUESTIONS, MMLU_QUESTIONS = 35, 40
"""K of the official prompts (LongGenBench: 30 to 35 for GSM8K); of an MMLU subject the first K are asked."""
GSM8K_PROMPTS = 20
MAX_CHARS = 20_000
TOKENS_A_QUESTION = {"gsm8k": 120, "mmlu": 12}
OFFICIAL_REPLY_TOKENS = 4096
"""LongGenBench's max_tokens, whatever is asked."""

_Question = tuple[str, str]


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source. Raises `MissingData` or `BadData`."""
    if source == "official":
        return _official(official_folder("longgen"))
    kinds: tuple[Kind, ...] = ("gsm8k", "mmlu")
    return [
        generate(kind, index, COUNTS[index % len(COUNTS)], f"longgen/{kind}/{index}")
        for kind in kinds
        for index in range(TASKS_A_KIND)
    ]


def generate(kind: Kind, seed: int, count: int, task_id: str | None = None) -> Task:
    """Return a bundled task with `count` questions: the same for the same arguments."""
    draw = random.Random(f"longgen-{kind}-{seed}-{count}")
    make = problem if kind == "gsm8k" else choice
    questions = [make(draw) for _ in range(count)]
    return _task(task_id or f"longgen/{kind}/count{count}-seed{seed}", kind, seed, questions, "bundled")


def _task(task_id: str, kind: Kind, seed: int, questions: Sequence[_Question], source: Source) -> Task:
    return Task(
        id=task_id,
        benchmark="longgen",
        subset=kind,
        source=source,
        seed=seed,
        max_steps=1,
        difficulty="easy" if len(questions) <= 10 else "hard",
        data={
            "kind": kind,
            "questions": [text for text, _ in questions],
            "gold": [gold for _, gold in questions],
        },
        reply_tokens=(
            OFFICIAL_REPLY_TOKENS if source == "official" else TOKENS_A_QUESTION[kind] * len(questions)
        ),
    )


def _official(folder: Path) -> list[Task]:
    found: list[Task] = []
    if (folder / "gsm8k.jsonl").is_file():
        questions = _gsm8k(folder / "gsm8k.jsonl")[: GSM8K_QUESTIONS * GSM8K_PROMPTS]
        for index, start in enumerate(range(0, len(questions), GSM8K_QUESTIONS)):
            group = questions[start : start + GSM8K_QUESTIONS]
            found.append(_task(f"longgen/gsm8k/{index}", "gsm8k", 0, group, "official"))
    for index, path in enumerate(sorted((folder / "mmlu").glob("*_test.csv"))):
        group = _mmlu(path)[:MMLU_QUESTIONS]
        found.append(_task(f"longgen/mmlu/{index}", "mmlu", 0, group, "official"))
    if not found:
        raise MissingData(f"{folder} holds neither gsm8k.jsonl nor mmlu/*_test.csv", how_to_import("longgen"))
    return found


def _gsm8k(path: Path) -> list[_Question]:
    questions = []
    for line, value in json_lines(path):
        pair = (value.get("question"), value.get("answer")) if isinstance(value, dict) else (None, None)
        question, answer = pair
        if not isinstance(question, str) or not isinstance(answer, str) or last_number(answer) is None:
            raise BadData(f"{path}:{line} lacks a question, or an answer with a number")
        if max(len(question), len(answer)) > MAX_CHARS:
            raise BadData(f"{path}:{line} is longer than {MAX_CHARS:,} characters")
        questions.append((question, answer))
    return questions


def _mmlu(path: Path) -> list[_Question]:
    questions = []
    reader = csv.reader(io.StringIO(text_of(path)))
    try:
        for row in reader:
            if len(row) != 6 or row[5].strip() not in ("A", "B", "C", "D"):
                raise BadData(f"{path}:{reader.line_num} is not a question, four choices and a letter")
            questions.append((lettered(row[0], row[1:5]), row[5].strip()))
    except csv.Error as error:
        raise BadData(f"{path}:{reader.line_num} is not CSV: {error}") from None
    if not questions:
        raise BadData(f"{path}:1 holds no questions")
    return questions
