import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from analysis.comparison import compare
from analysis.energy import energy, energy_gap
from analysis.perplexity import kl_divergence, perplexity, top_1_flips
from analysis.ranking import compare_top_k


def random_logits(positions: int = 12, vocabulary: int = 30, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(positions, vocabulary, generator=torch.Generator().manual_seed(seed))


TARGETS = torch.arange(12)


def test_one_pass_gives_what_float64_and_scipy_give_from_the_raw_logits():
    base, other = random_logits(), random_logits(seed=1)
    found = compare(base, other, TARGETS, ks=(3, 5), temperature=2.0)
    p, q = (special.log_softmax(each.double().numpy(), axis=1) for each in (base, other))
    rows = np.arange(12)
    assert found["base_loss"] == pytest.approx(-p[rows, TARGETS], rel=1e-5)
    assert found["loss"] == pytest.approx(-q[rows, TARGETS], rel=1e-5)
    assert found["kl"] == pytest.approx(special.rel_entr(np.exp(p), np.exp(q)).sum(axis=1), rel=1e-4)
    assert found["flip"].tolist() == (p.argmax(axis=1) != q.argmax(axis=1)).tolist()
    energies = [-2 * special.logsumexp(each.double().numpy() / 2, axis=1) for each in (base, other)]
    assert found["base_energy"] == pytest.approx(energies[0], rel=1e-5)
    assert found["energy"] == pytest.approx(energies[1], rel=1e-5)
    assert found["energy_gap"] == pytest.approx(np.abs(energies[0] - energies[1]), abs=1e-5)
    for k in (3, 5):
        at_once = compare_top_k(base, other, k)
        assert found[f"jaccard@{k}"].tolist() == at_once.jaccard.tolist()
        assert found[f"kendall@{k}"].tolist() == at_once.kendall.tolist()
        assert found[f"spearman@{k}"].tolist() == at_once.spearman.tolist()


def test_a_model_does_not_differ_from_itself():
    logits = random_logits()
    found = compare(logits, logits, TARGETS, ks=(3,))
    assert found["kl"].max() == found["flip"].max() == found["energy_gap"].max() == 0
    assert found["loss"].tolist() == found["base_loss"].tolist()


@given(st.integers(0, 99), st.floats(-50, 50))
@settings(max_examples=25)
def test_adding_a_constant_to_logits_moves_the_energy_alone(seed: int, shift: float):
    base, other = random_logits(seed=seed).double(), random_logits(seed=seed + 1).double()
    before, after = (compare(base, each, TARGETS, ks=(3,)) for each in (other, other + shift))
    assert after["energy"] == pytest.approx(before["energy"] - shift, abs=1e-3)
    for name in ("loss", "kl", "flip", "jaccard@3", "kendall@3"):
        assert after[name] == pytest.approx(before[name], abs=1e-3)


@given(st.integers(0, 99))
@settings(max_examples=25)
def test_divergence_is_never_negative_and_not_symmetric_in_general(seed: int):
    p, q = (random_logits(seed=each).log_softmax(dim=-1) for each in (seed, seed + 1))
    assert kl_divergence(p, q).min() >= 0
    assert kl_divergence(p, q).tolist() != pytest.approx(kl_divergence(q, p).tolist())


def test_closed_forms():
    uniform = torch.zeros(1, 8)
    assert float(energy(uniform)) == pytest.approx(-math.log(8))
    assert float(energy(uniform, 0.5)) == pytest.approx(-0.5 * math.log(8))
    sure = torch.tensor([[0.0, -math.inf]]).log_softmax(-1)
    half = torch.zeros(1, 2).log_softmax(-1)
    assert float(kl_divergence(half, torch.tensor([[0.25, 0.75]]).log())) == pytest.approx(
        0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    )
    assert float(sure[0, 0]) == 0
    assert perplexity(math.log(17)) == pytest.approx(17)
    assert perplexity(1e6) == math.inf
    assert energy_gap(torch.tensor([1.0, -1.0]), torch.tensor([3.0, 0.0])) == pytest.approx(1.5)


def test_equal_best_logits_are_no_flip():
    tied = torch.tensor([[1.0, 5.0, 5.0]])
    assert top_1_flips(tied, tied + 1).tolist() == [False]
    assert top_1_flips(tied, torch.tensor([[1.0, 5.0, 6.0]])).tolist() == [True]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_refused(bad: float):
    broken = random_logits()
    broken[4, 7] = bad
    for pair in ((broken, random_logits()), (random_logits(), broken)):
        with pytest.raises(ValueError, match="NaN or infinite at 1 of 12 positions"):
            compare(*pair, TARGETS, ks=(3,))


def test_logits_of_different_vocabularies_are_refused():
    with pytest.raises(ValueError, match="can't be compared"):
        compare(random_logits(), random_logits(vocabulary=31), TARGETS, ks=(3,))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_is_positive(temperature: float):
    with pytest.raises(ValueError, match="temperature"):
        energy(random_logits(), temperature)
