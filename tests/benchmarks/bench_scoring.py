"""How fast replies are scored, and how long the longest haystack takes to build.

Run it: `python tests/benchmarks/bench_scoring.py`. WorfBench: replies with half of their nodes reworded, so
that no vector is remembered from the reply before.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench_score import reworded

from envs import embedding
from envs.longbench.metrics import metric
from envs.needle.env import NeedleEnv
from envs.needle.haystack import essays
from envs.needle.tasks import generate
from envs.teval import scoring as teval_scoring
from envs.teval.tasks import tasks as teval_tasks
from envs.workflow.scoring import score
from envs.workflow.tasks import tasks as workflow_tasks

ROUNDS = 6


def rate(label: str, work: Sequence[Any], do: Callable[[Any], Any]) -> None:
    """Print how many pieces of work are done in a second."""
    began = time.perf_counter()
    for each in work:
        do(each)
    seconds = time.perf_counter() - began
    print(f"{label:52}{len(work) / seconds:12,.0f} replies/s", flush=True)


def main() -> None:
    """Print a table."""
    draw = random.Random(0)
    golds = [task.data["gold"] for task in workflow_tasks("bundled")]
    for name in ("hashing", "wordllama"):
        try:
            encoder = embedding.encoder(name)
        except embedding.MissingPackage as missing:
            print(f"{name}: {missing.message}")
            continue
        encoder.cosines(["warm"], ["up"])
        for scoring in ("faithful", "strict"):
            work = [(reworded(gold, draw), gold) for gold in golds for _ in range(ROUNDS)]
            rate(f"WorfBench, {scoring}, {name}", work, lambda pair: score(*pair, encoder, scoring))  # noqa: B023

    hashing = embedding.encoder("hashing")
    records = [(task.data["expert"], teval_scoring.record_of(task.data)) for task in teval_tasks("bundled")]
    rate("T-Eval, faithful, hashing", records * 2, lambda pair: teval_scoring.score(*pair, hashing))

    texts = [essays(str(i), 300) for i in range(20)]
    pairs = list(zip(texts, reversed(texts), strict=True))
    rate("LongBench, ROUGE-L, 300 against 300 words", pairs, lambda pair: metric("rouge_score", *pair))
    rate("LongBench, token F1", pairs * 20, lambda pair: metric("qa_f1_score", *pair))

    env = NeedleEnv()
    for label in ("first time", "again"):
        began = time.perf_counter()
        env.reset(options={"task": generate(40_000, 50)})
        print(f"haystack of 40,000 words, {label:26}{1000 * (time.perf_counter() - began):12,.1f} ms")


if __name__ == "__main__":
    main()
