"""Numbers of a pair of models, against the same numbers from the raw logits of whole forward passes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special, stats

from analysis.erank import hidden_entropy
from arena.analyzing import forward
from arena.analyzing.forward import read_together
from arena.analyzing.models import Opened, candidates, check_same_vocabulary, open_model
from arena.analyzing.passages import Passage, text_windows
from arena.analyzing.reading import fitting_ks, read_pair
from arena.analyzing.tally import PairTally
from arena.errors import ArenaError, EngineError, UsageError

from .conftest import save_tiny

Open = Callable[[str], Opened]


def raw(model: Opened, passages: list[Passage]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits [all predictions, vocabulary] and last hidden states a passage, each by one forward pass."""
    logits, states = [], []
    for passage in passages:
        with torch.inference_mode():
            output = model.loaded.model(
                torch.from_numpy(passage.tokens)[None, :-1], output_hidden_states=True
            )
        logits.append(output.logits[0].double().numpy())
        states.append(output.hidden_states[-1][0].double().numpy())
    return np.concatenate(logits), states


def read(opened: Open, other: str, text: Path, window: int = 128, ks: tuple[int, ...] = (3, 5)) -> PairTally:
    base = opened("base")
    passages = text_windows(text, base.loaded.tokenizer, window, 1_000_000)
    return read_pair(base, opened(other), passages, ks, lambda _: None)


def test_every_number_reproduces_from_the_raw_logits(opened: Open, text: Path):
    found = read(opened, "coarse", text)
    passages = list(text_windows(text, opened("base").loaded.tokenizer, 128, 1_000_000))
    assert len(passages) > 10
    assert sum(len(each.tokens) for each in passages) == len(text.read_bytes())
    targets = np.concatenate([each.tokens[1:] for each in passages])
    (base, base_states), (other, states) = (raw(opened(name), passages) for name in ("base", "coarse"))
    p, q = special.log_softmax(base, axis=1), special.log_softmax(other, axis=1)
    rows = np.arange(len(targets))
    numbers, own = found.numbers(), found.base_numbers()
    assert numbers["tokens"] == len(targets)
    assert own["loss"] == pytest.approx(-p[rows, targets].mean(), rel=1e-5)
    assert numbers["loss"] == pytest.approx(-q[rows, targets].mean(), rel=1e-5)
    assert numbers["perplexity"] == pytest.approx(np.exp(-q[rows, targets].mean()), rel=1e-4)
    kl = (np.exp(p) * (p - q)).sum(axis=1)
    assert numbers["kl"] == pytest.approx(kl.mean(), rel=1e-4)
    assert numbers["kl_error"] == pytest.approx(kl.std(ddof=1) / np.sqrt(len(kl)), rel=1e-4)
    assert numbers["top1_flips"] == pytest.approx((p.argmax(1) != q.argmax(1)).mean(), abs=2 / len(kl))
    energies = [-special.logsumexp(each, axis=1) for each in (base, other)]
    assert own["energy"] == pytest.approx(energies[0].mean(), rel=1e-5)
    assert numbers["delta_energy"] == pytest.approx(np.abs(energies[0] - energies[1]).mean(), rel=1e-4)
    best = np.argsort(-base, axis=1, kind="stable")[:, :5]
    theirs = np.argsort(-other, axis=1, kind="stable")[:, :5]
    shared = np.array([len(set(a) & set(b)) for a, b in zip(best, theirs, strict=True)])
    assert numbers["top_k"]["5"]["jaccard"] == pytest.approx((shared / (10 - shared)).mean(), rel=1e-3)
    tau = [stats.kendalltau(base[i, best[i]], other[i, best[i]]).statistic for i in rows]
    assert numbers["top_k"]["5"]["kendall"] == pytest.approx(np.mean(tau), rel=1e-3)
    for value, each in ((own["erank_hidden"], base_states), (numbers["erank_hidden"], states)):
        assert value == pytest.approx(np.exp(np.mean([hidden_entropy(s) for s in each])), rel=1e-5)
    assert numbers["diff_erank"] == pytest.approx(numbers["erank_hidden"] - own["erank_hidden"])


def test_the_size_of_the_chunks_changes_nothing(opened: Open, text: Path, monkeypatch: pytest.MonkeyPatch):
    whole = read(opened, "coarse", text).numbers()
    monkeypatch.setattr(forward, "LOGITS_AT_ONCE", 320 * 37)  # 37 positions at a time
    pieces = read(opened, "coarse", text).numbers()
    for name in ("loss", "kl", "delta_energy", "diff_erank"):
        assert pieces[name] == pytest.approx(whole[name], rel=1e-4), name
    assert pieces["by_depth"].keys() == whole["by_depth"].keys()
    assert pieces["energy_at"][64] == pytest.approx(whole["energy_at"][64], rel=1e-4)
    assert [sum(each["counts"]) for each in pieces["logits_at"].values()] == [
        sum(each["counts"]) for each in whole["logits_at"].values()
    ]


def test_chunks_hold_no_more_logits_than_allowed(opened: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forward, "LOGITS_AT_ONCE", 320 * 10)
    tokens = torch.randint(0, 255, (2, 61))
    chunks = list(read_together([opened("base")], tokens, first_position=20))
    assert [bool(chunk.logits) for chunk in chunks] == [False] + [True] * 8
    assert max(chunk.logits[0].numel() for chunk in chunks[1:]) <= 320 * 10
    assert sum(chunk.states[0].shape[1] for chunk in chunks) == 60


def test_an_unchanged_copy_does_not_differ(opened: Open, text: Path):
    numbers = read(opened, "same", text).numbers()
    assert numbers["kl"] == numbers["top1_flips"] == numbers["delta_energy"] == numbers["diff_erank"] == 0
    assert numbers["top_k"]["5"] == {"jaccard": 1, "kendall": 1, "spearman": 1}


def test_more_damage_is_more_drift(opened: Open, text: Path):
    drifts = [read(opened, name, text).numbers()["kl"] for name in ("fine", "coarse", "coarser")]
    assert drifts == sorted(drifts)
    assert drifts[0] > 0


def test_depths_add_up_to_the_whole(opened: Open, text: Path):
    numbers = read(opened, "coarse", text).numbers()
    depths = numbers["by_depth"].values()
    assert list(numbers["by_depth"])[:4] == ["0", "1", "2-3", "4-7"]
    assert sum(each["tokens"] for each in depths) == numbers["tokens"]
    total = sum(each["tokens"] * each["kl"] for each in depths)
    assert total / numbers["tokens"] == pytest.approx(numbers["kl"])


def test_logits_that_are_no_numbers_are_one_error_that_names_the_model(opened: Open, text: Path):
    with pytest.raises(ArenaError, match="broken gives no usable predictions: its logits are NaN"):
        read(opened, "broken", text)


def test_k_beyond_the_vocabulary_is_refused_when_asked_for_and_left_out_otherwise():
    assert fitting_ks([5, 3, 5], 320) == (3, 5)
    assert fitting_ks(None, 7) == (1, 3, 5)
    with pytest.raises(UsageError, match="no top 321 of 320"):
        fitting_ks([3, 321], 320)


def test_models_of_different_vocabularies_or_tokenizers_are_refused(opened: Open, tmp_path: Path):
    larger = save_tiny(tmp_path / "larger", vocab_size=330)
    (candidate,) = candidates([str(larger)])
    with pytest.raises(UsageError, match=r"different vocabularies \(320 and 330 tokens\)"):
        check_same_vocabulary(opened("base"), open_model(candidate))

    other = save_tiny(tmp_path / "other")
    file = other / "tokenizer.json"
    file.write_text(file.read_text().replace('"A": 32', '"A": 999').replace('"B": 33', '"B": 32')
                    .replace('"A": 999', '"A": 33'))  # fmt: skip
    (candidate,) = candidates([str(other)])
    with pytest.raises(UsageError, match="different tokenizers"):
        check_same_vocabulary(opened("base"), open_model(candidate))
    check_same_vocabulary(opened("base"), opened("same"))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["expert"], "expert can't be analysed"),
        (["{base}", "{base}"], "two models are called 'base'"),
    ],
)
def test_what_is_no_model_here_is_refused(models: Path, typed: list[str], why: str):
    with pytest.raises(UsageError, match=why):
        candidates([each.format(base=models / "base") for each in typed])


def test_a_model_that_is_not_there_is_said_before_anything_is_loaded(models: Path, tmp_path: Path):
    with pytest.raises((UsageError, EngineError), match="no model"):
        candidates([str(models / "base"), str(tmp_path / "absent" / "model")])
