"""Names where there is little room: variants of one model stay apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.names import beside, short_name

BASE = "qwen2.5-coder-0.5b"


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        (f"{BASE}-gptq-w4g128", 12, "…gptq-w4g128"),
        (f"{BASE}-awq-w4g128", 12, "…awq-w4g128"),
        (f"{BASE}-smoothquant-w8a8", 12, "…smoot…-w8a8"),
        (f"{BASE}-awq-w4g128", 40, f"{BASE}-awq-w4g128"),
        (BASE, 12, "qwen2.5-cod…"),
        ("qwen2.5-coder-1.5b", 12, "…1.5b"),
        ("mistral-7b-instruct-v0.3", 12, "mis…uct-v0.3"),
    ],
)
def test_what_a_name_shares_with_the_baselines_is_left_out_first(name: str, width: int, shown: str):
    assert short_name(name, width, BASE) == shown


def test_names_are_cut_at_a_separator_only_and_where_enough_is_shared():
    assert beside("bundled+rtn-w4g128", "bundled") == "…rtn-w4g128"
    assert beside("bundled2", "bundled") == "bundled2"
    assert beside("q-awq", "q") == "q-awq"
    assert beside("bundled+rtn-w4", "bundled+rtn-w3") == "…w4"
    assert beside("bundled", "bundled+rtn-w4") == "bundled"


@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 40))
def test_a_short_name_fits_and_is_one_line(name: str, baseline: str, width: int):
    shown = short_name(name, width, baseline)
    assert len(shown) <= width
    assert "\n" not in shown
    assert "\x1b" not in shown


@given(st.sampled_from(["-", "+", "_", "/", ":"]), st.text("abcw248", min_size=1, max_size=9))
def test_a_short_rest_is_shown_whole(separator: str, rest: str):
    assert short_name(f"{BASE}{separator}{rest}", 10, BASE) == f"…{rest}"
