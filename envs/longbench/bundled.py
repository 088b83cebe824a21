"""Bundled LongBench tasks: documents and questions made at any length, a family for each kind of question."""

import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from envs.longbench.datasets import DATASETS
from envs.prose import Language, passage

LENGTHS = (250, 500, 1000, 2000, 4000, 8000)
"""Lengths of the bundled documents, in words (characters, in Chinese); the tasks of a dataset take turns."""
TASKS_A_DATASET = 12
GENERATOR = 1
"""Raised when the same seed would make another text."""

Record = dict[str, Any]


@cache
def _facts() -> Mapping[str, Any]:
    return tomllib.loads(files("envs.longbench").joinpath("facts.toml").read_text(encoding="utf-8"))


def record(dataset: str, seed: int, words: int) -> Record:
    """Return a record in LongBench's format (input, context, answers, all_classes), `words` long."""
    family = DATASETS[dataset].family
    draw = random.Random(f"longbench-{dataset}-{seed}-{words}")
    return {"dataset": dataset, "all_classes": None, **_FAMILIES[family](draw, words)}


def _filler(draw: random.Random, size: int, language: Language = "en") -> list[str]:
    return passage(str(draw.random()), max(size, 1), language)


def _hidden(draw: random.Random, size: int, told: Sequence[str], language: Language = "en") -> str:
    """Return a text of about `size` in which the told sentences stand somewhere, in their order."""
    sentences = _filler(draw, size - sum(map(len, told)) // (1 if language == "zh" else 6), language)
    places = sorted(draw.randrange(len(sentences) + 1) for _ in told)
    for place, sentence in reversed(list(zip(places, told, strict=True))):
        sentences.insert(place, sentence)
    return "".join(sentences) if language == "zh" else " ".join(sentences)


def _story(draw: random.Random, words: int) -> Record:
    name, job = draw.choice(_facts()["names"]), draw.choice(_facts()["jobs"])
    told = f"In those days {name} earned a living as a {job}."
    return {
        "context": _hidden(draw, words, [told]),
        "input": f"What was the profession of {name}?",
        "answers": [job, f"a {job}"],
    }


def _article(draw: random.Random, words: int) -> Record:
    thing, town = draw.choice(_facts()["things"]), draw.choice(_facts()["towns"])
    year = str(draw.randrange(1700, 1990))
    told = f"The {thing} of {town} was opened in {year}."
    return {
        "context": _hidden(draw, words, [told]),
        "input": f"In which year was the {thing} of {town} opened?",
        "answers": [year],
    }


def _article_zh(draw: random.Random, words: int) -> Record:
    thing, town = draw.choice(_facts()["zh"]["things"]), draw.choice(_facts()["zh"]["towns"])
    texts = _facts()["zh"]
    year = texts["year"].format(number=draw.randrange(1700, 1990))
    told = texts["opened"].format(town=town, thing=thing, year=year)
    return {
        "context": _hidden(draw, words, [told], "zh"),
        "input": texts["opened_when"].format(town=town, thing=thing),
        "answers": [year],
    }


def _hops(count: int) -> Callable[[random.Random, int], Record]:
    def make(draw: random.Random, words: int) -> Record:
        names = draw.sample(_facts()["names"], count)
        town = draw.choice(_facts()["towns"])
        told = [f"{one} learned everything from {two}." for one, two in pairwise(names)]
        told.append(f"{names[-1]} lived in {town}.")
        draw.shuffle(told)
        sizes = words // len(told)
        passages = [
            f"Passage {number}:\n{_hidden(draw, sizes, [sentence])}"
            for number, sentence in enumerate(told, 1)
        ]
        teacher = "the teacher of " * (count - 1)
        return {
            "context": "\n\n".join(passages),
            "input": f"Where did {teacher}{names[0]} live?",
            "answers": [town, f"in {town}"],
        }

    return make


def _findings(draw: random.Random, label: str) -> list[str]:
    things = draw.sample(_facts()["things"], 3)
    towns = draw.sample(_facts()["towns"], 3)
    return [
        f"{label}: the {thing} of {town} costs {draw.randrange(20, 900)} thousand a year."
        for thing, town in zip(things, towns, strict=True)
    ]


def _report(draw: random.Random, words: int) -> Record:
    findings = _findings(draw, "Finding")
    return {
        "context": _hidden(draw, words, findings),
        "input": "",
        "answers": [" ".join(finding.removeprefix("Finding: ") for finding in findings)],
    }


def _meeting(draw: random.Random, words: int) -> Record:
    names = draw.sample(_facts()["names"], 3)
    decisions = _findings(draw, "Decided")
    lines = [f"{names[i % 3]}: {sentence}" for i, sentence in enumerate(_filler(draw, words))]
    for decision in decisions:
        lines.insert(draw.randrange(len(lines) + 1), decision)
    found = [line.removeprefix("Decided: ") for line in lines if line.startswith("Decided: ")]
    return {
        "context": "\n".join(lines),
        "input": "What was decided? Write the decisions in their order, in one line.",
        "answers": [" ".join(found)],
    }


def _answer_zh(draw: random.Random, words: int) -> Record:
    name, town = draw.choice(_facts()["zh"]["names"]), draw.choice(_facts()["zh"]["towns"])
    told = _facts()["zh"]["life"].format(name=name, town=town)
    return {
        "context": _hidden(draw, words, [told], "zh"),
        "input": _facts()["zh"]["life_asked"].format(name=name),
        "answers": [told],
    }


def _meeting_zh(draw: random.Random, words: int) -> Record:
    texts = _facts()["zh"]
    decisions = [
        texts["decision"].format(thing=thing, number=draw.randrange(20, 900))
        for thing in draw.sample(texts["things"], 3)
    ]
    return {
        "context": _hidden(draw, words, decisions, "zh"),
        "input": "",
        "answers": ["".join(decision.removeprefix(texts["decision_head"]) for decision in decisions)],
    }


def _classified(key: str, ask: str, answer: str, filler: Language) -> Callable[[random.Random, int], Record]:
    def make(draw: random.Random, words: int) -> Record:
        pool = [(text, name) for name, texts in _facts()[key].items() for text in texts]
        asked, gold = draw.choice(pool)
        others = [pair for pair in pool if pair[0] != asked]
        lines: list[str] = []
        size = 0
        while size < words:
            text, name = draw.choice(others)
            lines.append(f"{ask}{text}\n{answer}{name}")
            size += len(lines[-1]) if filler == "zh" else len(lines[-1].split())
        return {
            "context": "\n".join(lines),
            "input": f"{ask}{asked}\n{answer}",
            "answers": [gold],
            "all_classes": list(_facts()[key]),
        }

    return make


def _paragraphs(language: Language, head: str) -> Callable[[random.Random, int], Record]:
    def make(draw: random.Random, words: int) -> Record:
        count = max(5, min(30, words // 60))
        paragraphs = [_filler(draw, words // count, language) for _ in range(count)]
        wanted = draw.randrange(count)
        thing = draw.choice((_facts()["zh"] if language == "zh" else _facts())["things"])
        number = draw.randrange(10, 1000)
        mention = _facts()["zh"]["mention"] if language == "zh" else "It mentions {thing} number {number}."
        own = mention.format(thing=thing, number=number)
        paragraphs[wanted].append(own)
        glue = "" if language == "zh" else " "
        texts = [f"{head}{i}: {glue.join(sentences)}" for i, sentences in enumerate(paragraphs, 1)]
        return {"context": "\n\n".join(texts), "input": own, "answers": [f"{head}{wanted + 1}"]}

    return make


def _copies(draw: random.Random, words: int) -> Record:
    count = max(4, min(30, words // 60))
    different = draw.randrange(2, count)
    texts = [" ".join(_filler(draw, words // count)) for _ in range(different)]
    texts += [draw.choice(texts) for _ in range(count - different)]
    draw.shuffle(texts)
    return {
        "context": "\n\n".join(f"Paragraph {i}: {text}" for i, text in enumerate(texts, 1)),
        "input": "",
        "answers": [str(len(set(texts)))],
    }


def _code(draw: random.Random, words: int) -> Record:
    factor, names = draw.randrange(2, 90), [thing.replace(" ", "_") for thing in _facts()["things"]]
    lines, last = [f"FACTOR = {factor}\n"], 0
    while 8 * last < words:
        name = f"{draw.choice(names)}_{last}"
        lines.append(f"def cost_of_{name}(count):\n    total = count * FACTOR\n    return total\n")
        last += 1
    opened = f"def cost_of_{draw.choice(names)}_{last}(count):\n    total = count * FACTOR\n"
    return {"context": "\n".join([*lines, opened]), "input": "", "answers": ["    return total"]}


_FAMILIES: Mapping[str, Callable[[random.Random, int], Record]] = {
    "story": _story,
    "article": _article,
    "article_zh": _article_zh,
    "two_hops": _hops(2),
    "three_hops": _hops(3),
    "report": _report,
    "meeting": _meeting,
    "answer_zh": _answer_zh,
    "meeting_zh": _meeting_zh,
    "questions": _classified("questions", "Question: ", "Type: ", "en"),
    "news_zh": _classified("news_zh", _facts()["zh"]["asked"], _facts()["zh"]["kind"], "zh"),
    "paragraphs": _paragraphs("en", "Paragraph "),
    "paragraphs_zh": _paragraphs("zh", _facts()["zh"]["paragraph"]),
    "copies": _copies,
    "code": _code,
}
