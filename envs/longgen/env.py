"""LongGenBench as an environment: many questions, one reply under numbered heads."""

from collections.abc import Sequence

from envs.longgen.bundled import wording
from envs.longgen.scoring import (
    answers_in_order,
    faithful_result,
    last_number,
    right_answers,
    split_answers,
)
from envs.onestep import Graded, OneStepEnv, Scoring


class LongGenEnv(OneStepEnv):
    """Progress is right answers / questions; success is all right; `subgoals` has each answer."""

    benchmark = "longgen"

    def expert(self) -> Sequence[str]:
        """Return all gold answers under their heads."""
        assert self.task is not None
        gold, kind = self.task.data["gold"], self.task.data["kind"]
        if self.scoring == "faithful":
            gold = [faithful_result(answer, kind) for answer in gold]
        elif kind == "gsm8k":
            gold = [last_number(answer) for answer in gold]
        return ["\n\n".join(f"Answer_{number}:\n{answer}" for number, answer in enumerate(gold, 1))]

    def _request(self) -> str:
        assert self.task is not None
        questions = self.task.data["questions"]
        listed = "\n\n".join(f"Question_{number}: {text}" for number, text in enumerate(questions, 1))
        form = "official" if self.task.source == "official" else "instructions"
        text = wording()[f"{form}_{self.task.data['kind']}"]
        return text.strip().format(count=len(questions), questions=listed)

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        assert self.task is not None
        data = self.task.data
        right = right_answers(reply, data["gold"], data["kind"], scoring)
        share = sum(right) / len(right)
        if scoring == "faithful":
            answered = bool(answers_in_order(reply))
        else:
            answered = any(answer is not None for answer in split_answers(reply, len(right)))
        parts = {f"answer_{number}": each for number, each in enumerate(right, 1)}
        return Graded({"accuracy": share}, share, readable=answered, parts=parts)
