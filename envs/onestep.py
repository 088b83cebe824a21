"""One-step environments: the observation is the whole request, the action the whole reply, scored at once."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any, Literal

from envs import embedding
from envs.base import ArenaEnv, Outcome, Source, Task
from envs.errors import EnvsError, MissingPackage

Scoring = Literal["faithful", "strict"]
SCORINGS: tuple[Scoring, ...] = ("faithful", "strict")

FULL_MARKS = 1 - 2e-5
"""A score from here on is 1: some originals add a small number to a denominator, 1e-5 at most."""

RANDOM_REPLIES = 8
RANDOM_WORDS = 5


@dataclass(frozen=True)
class Graded:
    """What a reply is worth: `progress` in 0..1 and the scores by the original's names.

    `readable`: the reply has the form that was asked for. `parts` says of each part whether it is right.
    """

    scores: Mapping[str, float]
    progress: float
    readable: bool = True
    parts: Mapping[str, bool] = field(default_factory=dict)


class OneStepEnv(ArenaEnv):
    """An environment whose episode is one request and one reply.

    `progress` is the reply's score, `success` means full marks, `valid` that the reply could be read. `info`
    has besides, after a step, `scores` (by the original's names) and `grading`: which `scoring` and `encoder`
    gave them, and `other`, those scores that the other scoring gives otherwise.

    Scoring is `faithful` for official tasks and `strict` for bundled ones, unless chosen here or, with more
    say, in the task's `grading`.
    """

    reply_form = "whole"

    def __init__(self, source: Source = "bundled", scoring: Scoring | None = None) -> None:
        super().__init__(source)
        if scoring not in (None, *SCORINGS):
            raise EnvsError(f"scoring {scoring!r} is not one of faithful, strict")
        self._chosen_scoring = scoring
        self._graded: Graded | None = None
        self._other: Mapping[str, float] = {}

    @property
    def scoring(self) -> Scoring:
        """How the running task's reply is scored."""
        source = self.task.source if self.task else self.source
        chosen = self.task.grading.get("scoring") if self.task else None
        if chosen in SCORINGS:
            return chosen
        return self._chosen_scoring or ("faithful" if source == "official" else "strict")

    @property
    def encoder_name(self) -> str | None:
        """Name of the encoder that texts are compared with; None where none is used."""
        return None

    def messages(self) -> Sequence[Mapping[str, str]]:
        """Return the request as chat messages (role, content); the observation is the same in one text."""
        return ({"role": "user", "content": self._request()},)

    def valid_actions(self) -> Sequence[str]:
        """Return some replies of random letters: what a player of chance would say."""
        assert self.task is not None
        draw = random.Random(self.task.hash)
        return [
            " ".join(
                "".join(draw.choices(ascii_lowercase, k=draw.randint(2, 9))) for _ in range(RANDOM_WORDS)
            )
            for _ in range(RANDOM_REPLIES)
        ]

    def _request(self) -> str:
        raise NotImplementedError

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        raise NotImplementedError

    def _prepare(self, task: Task) -> None:
        """Read what the task needs; raises `MissingData` or `BadData`."""

    def _begin(self, task: Task) -> Outcome:
        self._graded, self._other = None, {}
        self._prepare(task)
        return Outcome(self._request(), progress=0.0, valid=True)

    def _apply(self, action: str) -> Outcome:
        graded = self._grade(action, self.scoring)
        self._graded, self._other = graded, self._differing(action, graded)
        progress = 1.0 if graded.progress >= FULL_MARKS else max(0.0, graded.progress)
        return Outcome(
            f"The reply scores {progress:.3f}.",
            progress=progress,
            valid=graded.readable,
            success=progress == 1.0,
            done=True,
            subgoals=graded.parts,
        )

    def _differing(self, action: str, graded: Graded) -> Mapping[str, float]:
        try:
            other = self._grade(action, "strict" if self.scoring == "faithful" else "faithful")
        except MissingPackage:  # only the scoring that was chosen must work
            return {}
        return {
            name: value
            for name, value in other.scores.items()
            if abs(value - graded.scores.get(name, -1.0)) > 1e-6
        }

    def _info(self, outcome: Outcome) -> dict[str, Any]:
        grading: dict[str, Any] = {"scoring": self.scoring, "other": dict(self._other)}
        if self.encoder_name:
            grading["encoder"] = self.encoder_name
        scores = dict(self._graded.scores) if self._graded else {}
        return super()._info(outcome) | {"scores": scores, "grading": grading}


class EncodedEnv(OneStepEnv):
    """A one-step environment whose request is chat messages and whose scores need an encoder of texts."""

    def __init__(
        self, source: Source = "bundled", scoring: Scoring | None = None, encoder: str | None = None
    ) -> None:
        super().__init__(source, scoring)
        # a chosen one that is unknown or missing shall be said at once; the default only where it is used
        self._chosen_encoder = embedding.encoder(encoder).name if encoder else None

    @property
    def encoder_name(self) -> str:
        """Name of the encoder that texts are compared with."""
        return self._encoder.name

    @property
    def _encoder(self) -> embedding.Encoder:
        chosen = self.task.grading.get("encoder") if self.task else None
        return embedding.encoder(chosen or self._chosen_encoder)

    def _request(self) -> str:
        return "\n\n".join(message["content"] for message in self.messages())
