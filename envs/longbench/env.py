"""LongBench as an environment: a long text and a question, one reply."""

from collections.abc import Mapping, Sequence
from typing import Any

from envs.base import Source, Task
from envs.longbench import bundled, official
from envs.longbench.datasets import DATASETS, PROMPTS, request, score
from envs.longbench.segment import words
from envs.longbench.truncation import cut_middle
from envs.onestep import Graded, OneStepEnv, Scoring


class LongBenchEnv(OneStepEnv):
    """Questions about long texts. Progress is the dataset's own metric; success is all of it.

    `max_words` cuts the middle out of longer requests; a model's own limit is best cut by its own tokenizer
    (`envs.longbench.truncation.cut_middle`).
    """

    benchmark = "longbench"

    def __init__(
        self, source: Source = "bundled", scoring: Scoring | None = None, max_words: int | None = None
    ) -> None:
        super().__init__(source, scoring)
        self._max_words = max_words
        self._record: Mapping[str, Any] = {}
        self._prompts: Mapping[str, str] = PROMPTS

    @property
    def plain_request(self) -> bool:
        """Whether the dataset is asked without a chat template (LongBench/pred.py, `build_chat`)."""
        assert self.task is not None
        return DATASETS[self.task.data["dataset"]].plain

    def expert(self) -> Sequence[str]:
        """Return the first gold answer."""
        return [self._record["answers"][0] if self._record["answers"] else ""]

    def _prepare(self, task: Task) -> None:
        data = task.data
        if DATASETS[data["dataset"]].metric.endswith(("f1_zh_score", "rouge_zh_score")):
            words("")  # a package that is missing shall be missed before the reply is asked for
        if task.source == "official":
            self._record, self._prompts = official.record(data), official.prompts()
        else:
            self._record, self._prompts = (
                bundled.record(data["dataset"], data["seed"], data["words"]),
                PROMPTS,
            )

    def _request(self) -> str:
        assert self.task is not None
        prompt = self._prompts[self.task.data["dataset"]]
        text = request(prompt, self._record["context"], self._record["input"])
        return text if self._max_words is None else cut_middle(text, self._max_words)

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        assert self.task is not None
        dataset = self.task.data["dataset"]
        classes = self._record.get("all_classes") or ()
        value = score(dataset, reply, self._record["answers"], classes, scoring)
        return Graded({DATASETS[dataset].metric: value}, value, readable=bool(reply.strip()))
