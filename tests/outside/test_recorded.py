"""What logs of other harnesses say, one value or message at a time."""

import pytest

from analysis.rates import wilson_interval
from arena.outside.conversation import conversation
from arena.outside.lines import BadLog
from arena.outside.recorded import as_number
from arena.score import EpisodeScore, score


@pytest.mark.parametrize(
    ("value", "number"),
    [("C", 1.0), ("1", 1.0), (" 0.5 ", 0.5), ("-.5", -0.5), ("1e-3", 0.001), (True, 1.0), ("A", None)]
    + [(text, None) for text in ("", "nan", "inf", "1_000", "0x1", "half", "1 of 2")],
)
def test_a_score_is_a_number_a_letter_or_a_number_as_text(value: object, number: float | None):
    assert as_number(value, "here") == number


def test_a_number_beyond_all_numbers_is_refused():
    with pytest.raises(BadLog, match="a score is inf"):
        as_number("1e999", "here")


def test_examples_that_a_sample_brings_along_are_no_turns():
    messages = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "3 + 3?"},
        {"role": "assistant", "content": "6"},
    ]
    assert len(conversation(messages, "here").turns) == 2
    chat = conversation(messages, "here", given=3)
    assert [turn.reply for turn in chat.turns] == ["6"]
    assert chat.request == "2 + 2?\n\n4\n\n3 + 3?"


def test_an_interval_counts_the_tasks_that_have_a_score():
    episodes = [
        EpisodeScore("m", "b", f"{n}", float(n % 2) if n < 10 else None, None, 1, 1.0, 1, None)
        for n in range(100)
    ]
    found = score(["m"], episodes, {})["m"]["b"]
    assert found.tasks == 100
    assert found.progress == 0.5
    assert found.progress_ci == wilson_interval(0.5, 10)
