"""What constrained decoding brings back, from a run of a contestant and its constrained twin."""

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("llguidance", reason="constrained decoding needs llguidance")
sys.path.append(str(Path(__file__).parents[1] / "toys"))
from tiny_models import save_tiny

from arena.lineup import line_up
from arena.recovered import Three, recovered
from arena.run import play_run
from arena.suite import parse_suite

SUITE = """
name = "ladders"
[settings]
protocol = "json"
max_tokens = 40
[[tasks]]
benchmark = "ladder"
ids = ["ladder/1", "ladder/3"]
max_steps = 2
"""


def test_a_model_that_only_writes_noise_gets_all_its_calls_back(ladder: type, tmp_path: Path):
    model = save_tiny(tmp_path / "tiny", max_position_embeddings=4096)
    typed = [
        "expert",
        f"free=hf:{model}",
        f"tied=hf:{model},constrained=json-schema",
        f"other=hf:{model},seed=1",
    ]
    plan, engines = line_up(parse_suite(SUITE, "ladders"), typed)
    asyncio.run(play_run(plan, tmp_path / "run", engines, lambda _: None))
    (found,) = recovered(tmp_path / "run")
    assert (found.contestant, found.constrained, found.episodes) == ("free", "tied", 2)
    assert (found.valid_calls.base, found.valid_calls.free, found.valid_calls.constrained) == (1.0, 0.0, 1.0)
    assert found.valid_calls.recovered == 1.0
    assert found.progress.free == 0.0


def test_nothing_lost_is_nothing_recovered():
    assert Three(0.5, 0.5, 0.75).recovered is None
    assert Three(0.8, 0.4, 0.6).recovered == pytest.approx(0.5)
    assert Three(0.8, 0.4, 0.2).recovered == pytest.approx(-0.5)
