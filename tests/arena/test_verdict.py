import pytest

from analysis.significance import PairedDifference
from arena.verdict import needed_tasks, no_base, points, verdict


@pytest.mark.parametrize(
    ("low", "delta", "high", "p", "words"),
    [
        (-0.4, -0.3, -0.2, 0.01, "worse by 30 points [20, 40]"),
        (0.01, 0.1, 0.2, 0.04, "better by 10 points [1, 20]"),
        (-1.0, -0.7, -0.4, 0.06, "looks worse by 70 points [40, 100], but 10 tasks can't prove it"),
        (-0.06, 0.0, 0.02, 0.9, "no detectable loss; a drop of more than 6 points is ruled out"),
        (-0.064, 0.0, 0.02, 0.9, "no detectable loss; a drop of more than 7 points is ruled out"),
        (-0.0101, 0.0, 0.02, 0.9, "no detectable loss; a drop of more than 1.1 points is ruled out"),
    ],
)
def test_the_verdict_says_what_interval_and_test_allow(low, delta, high, p, words):
    assert verdict(PairedDifference(delta, low, high, p, 10, 0.3)).text == words


def test_an_open_verdict_says_how_many_tasks_would_decide():
    said = verdict(PairedDifference(0.0, -0.3, 0.3, 0.9, 20, 0.5))
    assert (said.kind, said.tasks_to_decide) == ("undecided", 200)
    assert said.text == "undecided: 20 tasks say too little; about 200 would decide"
    assert "1 task says" in verdict(PairedDifference(-1.0, -1.0, 0.5, 1.0, 1)).text


def test_what_chance_could_do_among_many_comparisons_is_not_called_a_loss():
    difference = PairedDifference(-0.2, -0.3, -0.1, 0.02, 40, 0.3)
    assert verdict(difference, p_holm=0.03).kind == "worse"
    said = verdict(difference, p_holm=0.3)
    assert said.kind == "looks_worse"
    assert "among so many comparisons" in said.text


def test_no_number_of_tasks_is_promised_where_none_would_do():
    # a drop of just what is asked about: more tasks never take a side
    assert needed_tasks(PairedDifference(-1e-5, -0.3, 0.3, 0.9, 20, 0.5), 2.0001e-5) is None


def test_rare_losses_take_tasks_to_rule_out_however_equal_all_looks():
    assert needed_tasks(PairedDifference(0.0, -0.17, 0.17, 1.0, 20, 0.0), 0.03) >= 120


def test_a_base_that_cannot_do_it_gets_no_verdict():
    assert no_base(0.02, 0.05).text == (
        "the base can't do this benchmark (progress 2, floor 5): no verdict on compression"
    )


def test_small_rates_keep_a_decimal():
    assert (points(0.0044), points(0.12), points(0.1201, up=True), points(0.0)) == ("0.4", "12", "13", "0")
