"""Training: what is learned, that it resumes, and that a seed says all."""

from itertools import islice
from pathlib import Path

import pytest
import torch

from arena.bundled import learning
from arena.bundled import train as training
from arena.bundled.batches import block, encode, tensors
from arena.bundled.lessons import lessons
from arena.bundled.tokenizer import learn_tokenizer
from arena.engines.hf_chat import Chat


@pytest.fixture(scope="module")
def tokenizer():
    drawn = islice(lessons(1), 60)
    return learn_tokenizer((m.content for each in drawn for m in each.messages), 2048)


def test_tokens_are_those_that_the_engine_sends_at_play(tokenizer):
    chat = Chat(tokenizer)
    for each in islice(lessons(2), 20):
        ids = encode(tokenizer, each, 0.1).ids
        for number, message in enumerate(each.messages):
            if message.role == "assistant":
                prompt = chat.encode(each.messages[:number])
                assert ids[: len(prompt)] == prompt


def test_every_text_comes_back_and_digits_stand_alone(tokenizer):
    for text in (
        '{"name":"pick","arguments":{"ball":"ball1"}}',
        "you: hall. ball2: here, done.",
        "Zürich 日本 33.87",
    ):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert [tokenizer.decode([token]) for token in tokenizer("2023").input_ids] == ["2", "0", "2", "3"]


def test_replies_count_whole_slips_nothing_and_observations_a_little(tokenizer):
    each = next(
        each
        for each in lessons(2)
        if not all(
            taught for m, taught in zip(each.messages, each.taught, strict=True) if m.role == "assistant"
        )
    )
    encoded = encode(tokenizer, each, 0.1)
    assert set(encoded.weights) == {0.0, 0.1, 1.0}
    assert len(encoded.ids) == len(encoded.weights)


def test_batches_hold_no_more_than_their_share_and_every_lesson_once(tokenizer, monkeypatch):
    monkeypatch.setattr("arena.bundled.batches.BLOCK_LESSONS", 40)
    batches = block(tokenizer, 1, 0, 4096)
    assert sum(map(len, batches)) == 40
    for batch in batches:
        ids, weights = tensors(batch, 0)
        assert ids.shape == weights.shape
        assert ids.numel() <= 4096 or len(batch) == 1
    assert batches == block(tokenizer, 1, 0, 4096) != block(tokenizer, 1, 1, 4096)


@pytest.fixture
def tiny(monkeypatch):
    """Make training small enough for a test: a narrow model, few lessons."""
    from transformers import LlamaConfig

    small = LlamaConfig(
        vocab_size=1024, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        tie_word_embeddings=True, max_position_embeddings=2048, bos_token_id=None, eos_token_id=1,
        pad_token_id=0,
    )  # fmt: skip
    monkeypatch.setattr(learning, "config", lambda: small)
    monkeypatch.setattr("arena.bundled.batches.BLOCK_LESSONS", 12)
    for name, value in {"TOKENIZER_LESSONS": 30, "HELD_OUT_LESSONS": 1, "STEP_TOKENS": 1000}.items():
        monkeypatch.setattr(training, name, value)


def weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def train(out: Path) -> None:
    training.Training(out, 1, 9000, "cpu").run()


def test_a_seed_says_all_and_training_goes_on_where_it_was_stopped(tiny, tmp_path):
    train(tmp_path / "a")
    train(tmp_path / "b")
    a, b = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(a[name], b[name]) for name in a)
    stopped = tmp_path / "c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SAVE_EVERY_S", 0)
        patch.setattr(training, "write_model", stop_after(3, training.write_model))
        with pytest.raises(KeyboardInterrupt):
            train(stopped)
    train(stopped)
    c = weights(stopped)
    assert all(torch.equal(a[name], c[name]) for name in a)


def stop_after(saves: int, write):
    left = [saves]

    def stopping(*given):
        write(*given)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return stopping


def test_the_rate_warms_up_stays_and_falls_to_nothing():
    full = (learning.MATRIX_RATE, learning.OTHER_RATE)
    assert learning.rates(0, 0.01)[0] < learning.rates(100, 0.01)[0] == full[0]
    assert learning.rates(5000, 0.5) == full
    assert 0 < learning.rates(5000, 0.9)[0] < full[0] / 2
    assert learning.rates(5000, 1.0) == (0, 0)


def test_attention_in_float32_is_the_attention_that_ships():
    model = learning.new_model(1)
    for layer in model.model.layers:  # these begin at zero, where all attention is the same
        torch.nn.init.normal_(layer.self_attn.o_proj.weight, std=0.1)
    ids = torch.randint(5, 1024, (2, 40), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        learned = model(input_ids=ids, use_cache=False).logits
        model.set_attn_implementation("sdpa")
        played = model(input_ids=ids, use_cache=False).logits
    assert torch.allclose(learned, played, atol=1e-4)
