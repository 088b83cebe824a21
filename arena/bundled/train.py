"""Train the bundled agent: `python -m arena.bundled.train --out FOLDER`. The same seed gives the same agent.

Training goes on from the last saved state in FOLDER, whatever ended it. The learning rate stays the same
until the last quarter of `--tokens`, in which it falls to zero; so a longer `--tokens` may be given later.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from arena.bundled.batches import Encoded, blocks, encode, tensors
from arena.bundled.lessons import lessons, mixture
from arena.bundled.tokenizer import learn_tokenizer

CONTEXT_TOKENS = 2048
TOKENIZER_LESSONS = 1500
BATCH_TOKENS, STEP_TOKENS = 3072, 2000
WARM_UP_STEPS, COOLING_SHARE = 60, 0.25
MATRIX_RATE, OTHER_RATE, DECAY = 0.02, 3e-3, 0.01
HELD_OUT_SEED, HELD_OUT_LESSONS = -1, 24
SAVE_EVERY_S, REPORT_EVERY_STEPS = 240, 50


@dataclass
class Course:
    """How far training is: blocks, batches of the running block, tokens and steps done; and its history."""

    block: int = 0
    batch: int = 0
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)


def config() -> Any:
    """Return the architecture: a Llama of 5.4 million parameters."""
    from transformers import LlamaConfig

    from arena.bundled.tokenizer import VOCABULARY

    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        arena={"style": "terse"},
    )


def new_model(seed: int) -> Any:
    """Return an untrained model. What each layer adds begins at zero, so that depth does no harm at first."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(config())
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return model


def optimizers(model: Any) -> list[Any]:
    """Return Muon for the matrices of the layers, AdamW for embeddings and norms."""
    import torch

    inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    other = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inner, lr=MATRIX_RATE, weight_decay=DECAY),
        torch.optim.AdamW(other, lr=OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, share: float) -> float:
    """Return the factor on the learning rates at a step, `share` of all tokens being done."""
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, 1.0 - share) / COOLING_SHARE)


def loss_sum(model: Any, ids: Any, weights: Any) -> Any:
    """Return the weighted sum of the loss over a batch's tokens, each foretold from those before it."""
    import torch

    with torch.autocast(ids.device.type, torch.bfloat16):
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        counts = weights[:, 1:] > 0
        logits = model.lm_head(hidden[counts])
    each = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][counts], reduction="none")
    return (each * weights[:, 1:][counts]).sum()


def held_out(tokenizer: Any) -> dict[str, list[Encoded]]:
    """Return lessons of a seed that is not trained on, a few of each kind."""
    kinds = mixture(HELD_OUT_SEED)
    return {
        kind.name: [encode(tokenizer, lesson) for lesson in islice(kind.lessons, HELD_OUT_LESSONS)]
        for kind in kinds
    }


def right_replies(model: Any, lessons_of_kind: list[Encoded], pad_id: int) -> float:
    """Return the share of taught replies whose every token is the model's first choice, given the rest."""
    import torch

    right = asked = 0
    for each in lessons_of_kind:
        ids, weights = tensors([each], pad_id)
        with torch.no_grad():
            ids, weights = ids.to(model.device), weights.to(model.device)
            best = model(input_ids=ids[:, :-1], use_cache=False).logits.argmax(-1)[0]
        taught = (weights[0, 1:] == 1).tolist()
        good = (best == ids[0, 1:]).tolist()
        for start, end in _stretches(taught):
            asked += 1
            right += all(good[start:end])
    return right / max(1, asked)


def _stretches(flags: list[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None


def train(out: Path, seed: int, total_tokens: int, device: str) -> None:
    """Train into `out`, from its last saved state if there is one, up to `total_tokens` tokens."""
    import torch
    from transformers import AutoTokenizer

    out.mkdir(parents=True, exist_ok=True)
    if (out / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(out)
    else:
        drawn = islice(lessons(seed), TOKENIZER_LESSONS)
        tokenizer = learn_tokenizer((m.content for each in drawn for m in each.messages), CONTEXT_TOKENS)
        tokenizer.save_pretrained(out)
    model, course = new_model(seed).to(device), Course()
    steering = optimizers(model)
    state_file = out / "training-state.pt"
    if state_file.exists():
        state = torch.load(state_file, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(steering, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        course = Course(**state["course"])
    examined, saved_at, began = held_out(tokenizer), time.monotonic(), time.monotonic() - course.seconds

    def save() -> None:
        course.seconds = time.monotonic() - began
        torch.save(
            {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in steering],
                "course": vars(course),
            },
            state_file.with_suffix(".new"),
        )
        state_file.with_suffix(".new").replace(state_file)
        write_model(model, out)

    waiting_tokens, waiting_weight, running = 0, 0.0, []
    for batches in blocks(tokenizer, seed, course.block, BATCH_TOKENS):
        for number in range(course.batch, len(batches)):
            ids, weights = (each.to(device) for each in tensors(batches[number], tokenizer.pad_token_id))
            loss = loss_sum(model, ids, weights)
            loss.backward()
            weight = float(weights[:, 1:].sum())
            running.append((float(loss.detach()), weight))
            waiting_tokens += sum(len(each.ids) for each in batches[number])
            waiting_weight += weight
            course.batch = number + 1
            if waiting_tokens < STEP_TOKENS:
                continue
            course.tokens += waiting_tokens
            factor = rate(course.steps, course.tokens / total_tokens)
            for parameter in model.parameters():
                parameter.grad /= waiting_weight
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, base in zip(steering, (MATRIX_RATE, OTHER_RATE), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = base * factor
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            course.steps += 1
            waiting_tokens, waiting_weight = 0, 0.0
            if course.steps % REPORT_EVERY_STEPS == 0:
                shown = sum(loss for loss, _ in running) / sum(weight for _, weight in running)
                running = []
                entry: dict[str, Any] = {"tokens": course.tokens, "loss": round(shown, 4)}
                if course.steps % (8 * REPORT_EVERY_STEPS) == 0:
                    entry["right"] = {
                        kind: round(right_replies(model, of, tokenizer.pad_token_id), 3)
                        for kind, of in examined.items()
                    }
                course.curve.append(entry)
                print(round(time.monotonic() - began), course.steps, json.dumps(entry), flush=True)  # noqa: T201
            if course.tokens >= total_tokens:
                save()
                return
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                save()
                saved_at = time.monotonic()
        course.block, course.batch = course.block + 1, 0


def write_model(model: Any, out: Path) -> None:
    """Write the weights as bfloat16 safetensors, with configuration; the tokenizer is there already."""
    import copy

    import torch

    half = copy.deepcopy(model).to("cpu", torch.bfloat16)
    half.save_pretrained(out)


def main(arguments: Mapping[str, Any] | None = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=11_000_000)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    train(given.out, given.seed, given.tokens, given.device)


if __name__ == "__main__":
    main()
