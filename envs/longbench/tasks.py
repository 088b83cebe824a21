"""The tasks of LongBench: ours, made at several lengths, and the official ones from the user's copy."""

from collections.abc import Sequence

from envs.base import Source, Task
from envs.longbench.bundled import GENERATOR, LENGTHS, TASKS_A_DATASET
from envs.longbench.datasets import ACBENCH, DATASETS
from envs.longbench.official import official_tasks


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source: 12 of each of 19 datasets. Raises `MissingData` or `BadData`."""
    if source == "official":
        return official_tasks()
    return [
        generate(dataset, index, LENGTHS[index % len(LENGTHS)], f"longbench/{dataset}/{index}")
        for dataset in ACBENCH
        for index in range(TASKS_A_DATASET)
    ]


def generate(dataset: str, seed: int, words: int, task_id: str | None = None) -> Task:
    """Return a bundled task with a document of about `words` words (characters, where it is Chinese).

    The same for the same arguments. Raises `KeyError` for an unknown dataset.
    """
    return Task(
        id=task_id or f"longbench/{dataset}/words{words}-seed{seed}",
        benchmark="longbench",
        subset=dataset,
        source="bundled",
        seed=seed,
        max_steps=1,
        difficulty="easy" if words <= 1000 else "hard",
        data={"dataset": dataset, "seed": seed, "words": words, "generator": GENERATOR},
        reply_tokens=DATASETS[dataset].reply_tokens,
    )
