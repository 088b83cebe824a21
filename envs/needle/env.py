"""Needle in a haystack as an environment: a long text and a question, one reply."""

from collections.abc import Sequence
from typing import Any

from envs.base import Source, Task
from envs.datasets import official_folder
from envs.needle.haystack import WORDS, Tokenizer, essays, from_model, insert
from envs.needle.scoring import rouge_1
from envs.needle.tasks import official_essays, wording
from envs.onestep import Graded, OneStepEnv, Scoring


class NeedleEnv(OneStepEnv):
    """Progress is ROUGE-1 F of the reply against the needles, joined by blanks; success is all of it.

    Lengths and depths count words, or the tokens of `tokenizer` (a Hugging Face one) where it is given.
    """

    benchmark = "needle"

    def __init__(
        self, source: Source = "bundled", scoring: Scoring | None = None, tokenizer: Any = None
    ) -> None:
        super().__init__(source, scoring)
        self._tokenizer: Tokenizer = from_model(tokenizer) if tokenizer is not None else WORDS
        self._text = ""

    def expert(self) -> Sequence[str]:
        """Return the needles."""
        return [" ".join(self._needles())]

    def _needles(self) -> list[str]:
        assert self.task is not None
        return [needle["text"] for needle in self.task.data["needles"]]

    def _prepare(self, task: Task) -> None:
        rouge_1(
            "", "", self.scoring
        )  # a package that is missing shall be missed before the reply is asked for
        tokens = task.data["tokens"]
        official = task.source == "official"
        hay = official_essays(official_folder("needle")) if official else essays(str(task.seed), tokens)
        self._text = insert(hay, self._needles(), tokens, task.data["depth_percent"], self._tokenizer)

    def _request(self) -> str:
        assert self.task is not None
        questions = dict.fromkeys(needle["question"] for needle in self.task.data["needles"])
        return wording()["instructions"].format(text=self._text, question=" ".join(questions))

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        value = rouge_1(reply, " ".join(self._needles()), scoring)
        return Graded({"rouge1": 10 * value}, value, readable=bool(reply.strip()))
