import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.ranking import compare_top_k, jaccard, kendall_tau, spearman_rho, top_tokens

# few different values, so that ties are common
ROWS = st.integers(2, 8).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 5), min_size=size, max_size=size)] * 2)
)


def random_logits(positions: int, vocabulary: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(positions, vocabulary, generator=torch.Generator().manual_seed(seed))


@given(ROWS)
@settings(max_examples=100)
def test_the_rank_correlations_are_those_of_scipy_with_ties(rows: tuple[list[int], list[int]]):
    first, second = (torch.tensor([row], dtype=torch.float64) for row in rows)
    if len(set(rows[0])) == 1 or len(set(rows[1])) == 1:
        assert math.isnan(kendall_tau(first, second))
        assert math.isnan(spearman_rho(first, second))
        return
    assert float(kendall_tau(first, second)) == pytest.approx(stats.kendalltau(*rows).statistic)
    assert float(spearman_rho(first, second)) == pytest.approx(stats.spearmanr(*rows).statistic)


@given(st.integers(0, 50), st.integers(1, 20))
@settings(max_examples=40)
def test_best_tokens_are_those_of_a_stable_sort_whatever_the_ties(seed: int, k: int):
    logits = torch.randint(0, 4, (6, 20), generator=torch.Generator().manual_seed(seed)).float()
    expected = np.argsort(-logits.numpy(), axis=1, kind="stable")[:, :k]
    assert top_tokens(logits, k).tolist() == expected.tolist()


def test_jaccard_is_the_share_of_common_tokens():
    one, two = torch.tensor([[1, 2, 3], [1, 2, 3]]), torch.tensor([[3, 4, 5], [3, 2, 1]])
    assert jaccard(one, two).tolist() == pytest.approx([1 / 5, 1])


def test_a_model_agrees_fully_with_itself_and_disagrees_with_its_mirror_image():
    logits = random_logits(30, 50)
    same, mirrored = compare_top_k(logits, logits, 5), compare_top_k(logits, -logits, 5)
    assert same.jaccard.tolist() == same.kendall.tolist() == [1] * 30
    assert mirrored.jaccard.max() == 0
    assert mirrored.kendall.tolist() == [-1] * 30
    assert mirrored.spearman.tolist() == pytest.approx([-1] * 30)


@given(st.integers(0, 99), st.sampled_from([2, 3, 5, 10]))
@settings(max_examples=25)
def test_shift_scale_and_renaming_of_tokens_change_nothing(seed: int, k: int):
    base, other = random_logits(8, 40, seed).double(), random_logits(8, 40, seed + 1).double()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    expected = compare_top_k(base, other, k)
    changed = compare_top_k(3 * base[:, order] + 7, 0.5 * other[:, order] - 100, k)
    for name in ("jaccard", "kendall", "spearman"):
        assert getattr(changed, name).tolist() == pytest.approx(getattr(expected, name).tolist())


def test_the_ranks_compared_are_those_of_the_bases_best_tokens():
    base = torch.tensor([[9.0, 8.0, 7.0, 0.0, 0.0]])
    other = torch.tensor([[1.0, 2.0, 3.0, 50.0, 60.0]])  # its own best are others, its order of ours reversed
    found = compare_top_k(base, other, 3)
    assert (float(found.jaccard), float(found.kendall)) == (1 / 5, -1)


def test_one_token_has_no_order():
    found = compare_top_k(random_logits(4, 9), random_logits(4, 9, 1), 1)
    assert torch.isnan(found.kendall).all()
    assert torch.isnan(found.spearman).all()
    assert set(found.jaccard.tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("k", [0, 10])
def test_k_beyond_the_vocabulary_is_refused(k: int):
    with pytest.raises(ValueError, match=f"k = {k} is not among 1 to 9"):
        top_tokens(random_logits(2, 9), k)


def test_different_vocabularies_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        compare_top_k(random_logits(2, 9), random_logits(2, 8), 3)
