"""How the bundled agent learns: its architecture, learning rates, loss, and what it gets right."""

from collections.abc import Iterator, Sequence
from typing import Any

from arena.bundled.batches import Encoded, tensors
from arena.bundled.copying import lay_out_copying
from arena.bundled.tokenizer import VOCABULARY

CONTEXT_TOKENS = 2048
WARM_UP_STEPS, COOLING_SHARE = 60, 0.25
MATRIX_RATE, OTHER_RATE, DECAY = 0.004, 1e-3, 0.01
ROTARY_BASE = 1e6
"""So large that half of a head's numbers compare tokens of one conversation wherever they stand."""


def config() -> Any:
    """Return the architecture: a Llama of 5.4 million parameters."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT_TOKENS,
        rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        arena={"style": "terse"},
    )


def attend_in_float32() -> None:
    """Let models with `attn_implementation="float32"` attend in float32: on a CPU learned twice as fast."""
    import torch
    from transformers import AttentionInterface

    def attention(module: Any, queries: Any, keys: Any, values: Any, mask: Any, **_: Any) -> tuple[Any, None]:
        with torch.autocast(queries.device.type, enabled=False):
            found = torch.nn.functional.scaled_dot_product_attention(
                queries.float(), keys.float(), values.float(), attn_mask=mask, is_causal=mask is None
            )
        return found.transpose(1, 2).contiguous().to(queries.dtype), None

    AttentionInterface.register("float32", attention)


def new_model(seed: int) -> Any:
    """Return an untrained model that can copy and does nothing else: what other layers add begins at zero."""
    import torch
    from transformers import LlamaForCausalLM

    attend_in_float32()
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config())
    model.set_attn_implementation("float32")
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    lay_out_copying(model)
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


def rates(step: int, share: float) -> tuple[float, float]:
    """Return the learning rates of matrices and of all else at a step, `share` of all tokens being done."""
    factor = min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, 1.0 - share) / COOLING_SHARE)
    return MATRIX_RATE * factor, OTHER_RATE * factor


def loss_sum(model: Any, ids: Any, weights: Any) -> Any:
    """Return the weighted sum of the loss over a batch's tokens, each foretold from those before it."""
    import torch

    with torch.autocast(ids.device.type, torch.bfloat16):
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        counts = weights[:, 1:] > 0
        logits = model.lm_head(hidden[counts])
    each = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][counts], reduction="none")
    return (each * weights[:, 1:][counts]).sum()


def right_replies(model: Any, lessons: Sequence[Encoded], pad_id: int) -> float:
    """Return the share of taught replies whose every token is the model's first choice, given the rest."""
    import torch

    right = asked = 0
    for each in lessons:
        ids, weights = (tensor.to(model.device) for tensor in tensors([each], pad_id))
        with torch.no_grad():
            best = model(input_ids=ids[:, :-1], use_cache=False).logits.argmax(-1)[0]
        good = (best == ids[0, 1:]).tolist()
        for start, end in _stretches((weights[0, 1:] == 1).tolist()):
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
