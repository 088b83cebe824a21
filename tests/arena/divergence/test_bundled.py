"""The bundled model beside a badly compressed copy of it, from the run to the token."""

import asyncio
from pathlib import Path

import pytest

from arena.divergence import comparable, diverge_turn, most_telling, open_pair
from arena.filtering import parse
from arena.lineup import line_up
from arena.run import play_run
from arena.suite import parse_suite

SUITE = """
name = "grippers"
[settings]
protocol = "json"
max_tokens = 48
[[tasks]]
benchmark = "pddl"
subset = "gripper-small"
count = 1
max_steps = 4
"""


def test_a_damaged_agent_is_traced_to_the_token_that_spoils_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = tmp_path / "run"
    plan, engines = line_up(parse_suite(SUITE, "grippers"), ["bundled", "damaged=bundled+rtn-w2g32"])
    asyncio.run(play_run(plan, run, engines, lambda _: None))
    telling = most_telling(run, "bundled", comparable(run), parse("", "bundled"))
    assert (telling.same_prompt, telling.other_action) == (True, True)
    found = diverge_turn(open_pair(run, "damaged"), telling.key, telling.turn)
    assert not found.rewritten
    assert found.marked is found.first
    assert found.marked.label == "compression"
    assert found.cause.without.action is not None  # with the base's own token it is a call
    assert found.cause.without.action != found.action
    # it is what the damaged model would write, and it wrote it greedily
    assert [token.other[0].token_id for token in found.tokens] == [token.token_id for token in found.tokens]
    assert found.noise < 1e-3 < found.marked.kl
