"""Train the bundled agent: `python -m arena.bundled.train --out FOLDER`. The same seed gives the same agent.

Training goes on from the last saved state in FOLDER, whatever ended it. The learning rate stays the same
until the last quarter of `--tokens`, in which it falls to zero; so a longer `--tokens` may be given later.
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from arena.bundled.batches import Encoded, block, encode, tensors
from arena.bundled.learning import CONTEXT_TOKENS, loss_sum, new_model, optimizers, rates, right_replies
from arena.bundled.lessons import HELD_OUT_SEED, lessons, mixture
from arena.bundled.tokenizer import learn_tokenizer

TOKENS = 18_000_000
TOKENIZER_LESSONS = 1500
BATCH_TOKENS, STEP_TOKENS = 3072, 2000
HELD_OUT_LESSONS = 24
SAVE_EVERY_S, LOSS_EVERY_STEPS, EXAM_EVERY_STEPS = 240, 25, 400
STATE = "training-state.pt"


@dataclass
class Course:
    """How far training is: block, batches of it, tokens and steps done, seconds; and what was noted."""

    block: int = 0
    batch: int = 0
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """The batches of one step of the optimizers, and where the course stands after it."""

    batches: list[list[Encoded]]
    block: int
    batch: int

    @property
    def tokens(self) -> int:
        """How many tokens there are, without padding."""
        return sum(len(each.ids) for batch in self.batches for each in batch)


class Training:
    """A model on its way. Made from the folder's saved state where there is one."""

    def __init__(self, out: Path, seed: int, total_tokens: int, device: str) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.seed, self.total_tokens, self.device = out, seed, total_tokens, device
        self.tokenizer = _tokenizer(out, seed)
        self.model, self.course = new_model(seed).to(device), Course()
        self.optimizers = optimizers(self.model)
        if (out / STATE).exists():
            self._load()
        self._began = time.monotonic() - self.course.seconds

    def run(self) -> None:
        """Train until all tokens are done."""
        exam = {
            kind.name: [
                encode(self.tokenizer, lesson, 0.0) for lesson in islice(kind.lessons, HELD_OUT_LESSONS)
            ]
            for kind in mixture(HELD_OUT_SEED)
        }
        saved_at, losses = time.monotonic(), []
        for step in self._steps():
            losses.append(self._learn(step))
            if self.course.steps % LOSS_EVERY_STEPS == 0:
                self._note(sum(losses) / len(losses), exam)
                losses = []
            if self.course.tokens >= self.total_tokens:
                break
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                self.save()
                saved_at = time.monotonic()
        self.save()

    def save(self) -> None:
        """Write the state to go on from, and the model as it is now."""
        import torch

        self.course.seconds = time.monotonic() - self._began
        new = (self.out / STATE).with_suffix(".new")
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        torch.save(
            {"model": self.model.state_dict(), "optimizers": states, "course": asdict(self.course)}, new
        )
        new.replace(self.out / STATE)
        write_model(self.model, self.out)

    def _load(self) -> None:
        import torch

        state = torch.load(self.out / STATE, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.course = Course(**state["course"])

    def _steps(self) -> Iterator[Step]:
        number, first = self.course.block, self.course.batch
        waiting: list[list[Encoded]] = []
        while True:
            batches = block(self.tokenizer, self.seed, number, BATCH_TOKENS)
            for place in range(first, len(batches)):
                waiting.append(batches[place])
                step = Step(waiting, number, place + 1)
                if step.tokens >= STEP_TOKENS:
                    yield step
                    waiting = []
            number, first = number + 1, 0

    def _learn(self, step: Step) -> float:
        import torch

        total, weight = 0.0, 0.0
        for batch in step.batches:
            ids, weights = (tensor.to(self.device) for tensor in tensors(batch, self.tokenizer.pad_token_id))
            loss = loss_sum(self.model, ids, weights)
            loss.backward()
            total, weight = total + float(loss.detach()), weight + float(weights[:, 1:].sum())
        for parameter in self.model.parameters():
            parameter.grad /= weight
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.course.tokens += step.tokens
        now = rates(self.course.steps, self.course.tokens / self.total_tokens)
        for optimizer, learning_rate in zip(self.optimizers, now, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.course.steps += 1
        self.course.block, self.course.batch = step.block, step.batch
        return total / weight

    def _note(self, loss: float, exam: dict[str, list[Encoded]]) -> None:
        entry: dict[str, Any] = {"tokens": self.course.tokens, "loss": round(loss, 4)}
        if self.course.steps % EXAM_EVERY_STEPS == 0:
            entry["right"] = {
                kind: round(right_replies(self.model, of, self.tokenizer.pad_token_id), 3)
                for kind, of in exam.items()
            }
        self.course.curve.append(entry)
        spent_s = round(time.monotonic() - self._began)
        print(spent_s, self.course.steps, json.dumps(entry), flush=True)  # noqa: T201 - a script's progress


def write_model(model: Any, out: Path) -> None:
    """Write the weights as bfloat16 safetensors, with their configuration.

    The configuration asks for float32, in which greedy replies don't depend on what else is in the batch.
    """
    import torch

    half = copy.deepcopy(model).to("cpu", torch.bfloat16)
    half.save_pretrained(out)
    settings = json.loads((out / "config.json").read_text("utf-8"))
    settings["dtype"] = "float32"
    (out / "config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def _tokenizer(out: Path, seed: int) -> Any:
    from transformers import AutoTokenizer

    if not (out / "tokenizer.json").exists():
        drawn = islice(lessons(seed), TOKENIZER_LESSONS)
        texts = (message.content for lesson in drawn for message in lesson.messages)
        learn_tokenizer(texts, CONTEXT_TOKENS).save_pretrained(out)
    return AutoTokenizer.from_pretrained(out)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    Training(given.out, given.seed, given.tokens, given.device).run()


if __name__ == "__main__":
    main()
