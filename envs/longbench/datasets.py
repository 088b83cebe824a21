"""LongBench's datasets: how each is scored and asked (`datasets.toml`, `prompts.toml`)."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from envs.longbench.metrics import metric
from envs.onestep import Scoring


@dataclass(frozen=True)
class Dataset:
    """A dataset. `plain`: asked without a chat template; `first_line`: the rest of a reply does not count."""

    metric: str
    reply_tokens: int
    family: str
    first_line: bool = False
    plain: bool = False


def _read(name: str) -> dict:
    return tomllib.loads(files("envs.longbench").joinpath(name).read_text(encoding="utf-8"))


DATASETS: Mapping[str, Dataset] = {name: Dataset(**fields) for name, fields in _read("datasets.toml").items()}
PROMPTS: Mapping[str, str] = _read("prompts.toml")

ACBENCH = tuple(name for name in DATASETS if name not in ("multifieldqa_zh", "passage_retrieval_zh"))
"""The 19 datasets of ACBench's tables."""

_PLACE = re.compile(r"\{(context|input)\}")


def request(prompt: str, context: str, question: str) -> str:
    """Fill a dataset's prompt; only the places {context} and {input} are filled, nothing is evaluated."""
    filled = {"context": context, "input": question}
    return _PLACE.sub(lambda place: filled[place[1]], prompt)


def score(
    dataset: str,
    reply: str,
    answers: Sequence[str],
    classes: Sequence[str] = (),
    scoring: Scoring = "faithful",
) -> float:
    """Return the best score of a reply against any of the gold answers, in 0..1.

    From LongBench (LongBench/eval.py, scorer): means are taken over records and shown times 100. Strict
    scoring lets blanks at the end of a reply pass, and blank lines before the one that counts.
    """
    if scoring == "strict":
        reply = reply.strip() if DATASETS[dataset].first_line else reply.rstrip()
    if DATASETS[dataset].first_line:
        reply = reply.lstrip("\n").split("\n")[0]
    name = DATASETS[dataset].metric
    return max((metric(name, reply, answer, classes, scoring) for answer in answers), default=0.0)
