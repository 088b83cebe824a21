"""Lessons as token batches: which token has to be learned, and how much it counts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from arena.bundled.lessons import STAGES, Lesson, lessons
from arena.bundled.tokenizer import encode_message

BLOCK_LESSONS = 256
"""Lessons are drawn in blocks; a block's number and the seed say what is in it, so training can resume."""

MAX_TOKENS = 1536
"""A longer lesson ends here: what comes later in an episode differs little from what came before."""

FOUND_WEIGHT = 0.02
"""What a token counts that a tool has found: hardly anything, since nobody could foresee it."""


@dataclass(frozen=True)
class Encoded:
    """A lesson's tokens, and what each counts as something to be foretold."""

    ids: list[int]
    weights: list[float]


def encode(tokenizer: Any, lesson: Lesson, observed_weight: float) -> Encoded:
    """Return a lesson's tokens, exactly as the chat template gives them at play."""
    ids: list[int] = []
    weights: list[float] = []
    for message, is_taught in zip(lesson.messages, lesson.taught, strict=True):
        head, content = encode_message(tokenizer, message)
        weight = float(is_taught) if message.role == "assistant" else observed_weight
        ids += head + content
        weights += [0.0] * len(head) + [0.0 if message.role == "system" else weight] * len(content)
    return Encoded(ids[:MAX_TOKENS], weights[:MAX_TOKENS])


def block(tokenizer: Any, seed: int, number: int, batch_tokens: int) -> list[list[Encoded]]:
    """Return the batches of a block: lessons of like length, `batch_tokens` at most with their padding."""
    draws = random.Random(f"block/{seed}/{number}")
    stage = next(stage for stage in STAGES if number < stage.until)
    drawn = islice(lessons(draws.randrange(10**12), stage), BLOCK_LESSONS)
    encoded_lessons = [
        encode(tokenizer, lesson, stage.observed if lesson.foreseeable else FOUND_WEIGHT) for lesson in drawn
    ]
    batches: list[list[Encoded]] = [[]]
    for encoded in sorted(encoded_lessons, key=lambda each: len(each.ids)):
        if batches[-1] and len(encoded.ids) * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
        batches[-1].append(encoded)
    draws.shuffle(batches)
    return batches


def tensors(batch: Sequence[Encoded], pad_id: int) -> tuple[Any, Any]:
    """Return ids (int64, lessons by tokens, padded on the right) and weights (float32, the same shape)."""
    import torch

    width = max(len(each.ids) for each in batch)
    ids = torch.full((len(batch), width), pad_id, dtype=torch.long)
    weights = torch.zeros((len(batch), width))
    for row, each in enumerate(batch):
        ids[row, : len(each.ids)] = torch.tensor(each.ids)
        weights[row, : len(each.weights)] = torch.tensor(each.weights)
    return ids, weights
