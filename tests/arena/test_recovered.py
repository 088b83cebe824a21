"""What constrained decoding brings back, from runs of contestants and their constrained twins."""

import asyncio
import sys
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "toys"))
from tiny_models import save_tiny

from arena.cli import app
from arena.comparing import Table
from arena.lineup import line_up
from arena.protocol.base import FailureKind
from arena.recovered import recovered, twins
from arena.report.document import report_document
from arena.report.html import html_page
from arena.run import play_run
from arena.score import EpisodeScore
from arena.suite import parse_suite
from tests.arena.report.made_runs import UNPLAYED, make_run

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
ENGINES = {"base": "base", "w3": "three", "w3c": "three"}
SCORES = {
    "base": {"alpha": [1.0] * 40, "beta": [1.0] * 20},
    "w3": {"alpha": [0.0, 0.5] * 20, "beta": [0.5] * 20},
    "w3c": {"alpha": [0.5] * 40, "beta": [0.5] * 20},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    failures = {"w3": FailureKind.NOT_JSON}
    return make_run(tmp_path / "run", SCORES, engines=ENGINES, constrained=["w3c"], failures=failures)


def test_a_model_that_only_writes_noise_gets_all_its_calls_back(ladder: type, tmp_path: Path):
    pytest.importorskip("llguidance", reason="constrained decoding needs llguidance")
    model = save_tiny(tmp_path / "tiny", max_position_embeddings=4096)
    typed = [
        "expert",
        f"free=hf:{model}",
        f"tied=hf:{model},constrained=json-schema",
        f"other=hf:{model},seed=1",
    ]
    plan, engines = line_up(parse_suite(SUITE, "ladders"), typed)
    asyncio.run(play_run(plan, tmp_path / "run", engines, lambda _: None))
    (found,) = report_document(tmp_path / "run")["recovered"]
    assert (found["contestant"], found["constrained"], found["tasks"]) == ("free", "tied", 2)
    calls = found["valid_call_rate"]
    assert (calls["base"], calls["free"], calls["constrained"], calls["gained"]) == (1.0, 0.0, 1.0, 1.0)
    assert found["progress"]["free"] == 0.0


def test_the_share_of_the_loss_is_told_for_each_benchmark_and_for_all(run: Path):
    alpha, beta, overall = report_document(run)["recovered"]
    assert [each["benchmark"] for each in (alpha, beta, overall)] == ["alpha", "beta", "overall"]
    assert alpha["progress"]["share"] == pytest.approx(1 / 3)
    assert beta["progress"]["share"] == 0.0
    # each benchmark weighs the same: 0.625 lost, 0.125 back
    assert overall["progress"]["share"] == pytest.approx(0.2)
    assert overall["tasks"] == 60
    assert overall["valid_call_rate"]["share"] == 1.0
    low, high = alpha["progress"]["gained_ci"]
    assert 0 < low < 0.25 < high


def test_only_tasks_that_all_three_have_finished_count(tmp_path: Path):
    scores = {
        "base": {"alpha": [*[1.0] * 20, UNPLAYED]},
        "w3": {"alpha": [*[0.0] * 20, 0.0]},
        "w3c": {"alpha": [UNPLAYED, *[1.0] * 20]},
    }
    path = make_run(tmp_path / "run", scores, engines=ENGINES, constrained=["w3c"])
    (found,) = report_document(path)["recovered"]
    assert found["tasks"] == 19


def test_without_a_proven_loss_there_is_no_share(tmp_path: Path):
    scores = {name: {"alpha": [0.5, 1.0] * 10} for name in ENGINES} | {"w3c": {"alpha": [1.0] * 20}}
    path = make_run(tmp_path / "run", scores, engines=ENGINES, constrained=["w3c"])
    (found,) = report_document(path)["recovered"]
    assert found["progress"]["share"] is None
    assert found["progress"]["gained"] == 0.25
    assert "+25.0 points [+1" in CliRunner().invoke(app, ["report", str(path)]).stdout
    assert "no loss proven (base 75.0)" in CliRunner().invoke(app, ["report", str(path), "--markdown"]).stdout


def test_the_bases_own_twin_is_shown_without_a_loss(tmp_path: Path):
    scores = {"base": {"alpha": [0.5] * 20}, "tied": {"alpha": [1.0] * 20}}
    path = make_run(tmp_path / "run", scores, constrained=["tied"])
    shown = CliRunner().invoke(app, ["report", str(path)]).stdout
    assert "alpha, base constrained (tied): progress 50.0 → 100.0, +50.0 points" in shown
    assert "no loss proven" not in shown


def test_a_benchmark_that_the_base_cannot_do_is_left_out(tmp_path: Path):
    names = {**ENGINES, "dice": "random"}
    scores = {name: {"alpha": [0.5, 0.2] * 10} for name in names}
    path = make_run(tmp_path / "run", scores, engines=names, constrained=["w3c"])
    assert report_document(path)["recovered"] == []


def test_a_run_without_twins_says_nothing_of_it(tmp_path: Path):
    path = make_run(tmp_path / "run", SCORES)
    assert report_document(path)["recovered"] == []
    assert "onstrained" not in CliRunner().invoke(app, ["report", str(path)]).stdout


def test_the_page_and_the_terminal_show_what_came_back(run: Path):
    shown = CliRunner().invoke(app, ["report", str(run)]).stdout
    assert "What constrained decoding brings back:" in shown
    assert "33 % of the loss (base 100.0); valid calls 0.0 → 100.0" in shown
    page = html_page(report_document(run), [run])
    assert '<section id="recovered"><h2>Constrained decoding</h2>' in page
    assert ">33 %</td>" in page


def test_a_run_that_was_stopped_early_counts_its_tasks_in_order(tmp_path: Path):
    path = make_run(
        tmp_path / "run", SCORES, engines=ENGINES, constrained=["w3c"], planned=45, decided="all decided"
    )
    document = report_document(path)
    overall = document["recovered"][-1]
    assert overall["tasks"] == document["overall"]["w3c"]["pairs"]
    assert overall["progress"]["free"] - overall["progress"]["base"] == pytest.approx(
        document["overall"]["w3"]["delta"]
    )


def test_twins_differ_in_nothing_but_the_constraint():
    def agent(settings: int = 0, **engine: str) -> dict:
        return {"identity": {"engine": {"engine": "hf", **engine}, "settings": settings}}

    agents = {
        "free": agent(weights="a"),
        "tied": agent(weights="a", constrained="json-schema"),
        "another": agent(weights="b", constrained="json-schema"),
        "warmer": agent(1, weights="a", constrained="json-schema"),
        "imported": {},
    }
    assert list(twins(agents)) == [("free", "tied")]


rates = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(rates, rates, rates))
def test_the_share_is_what_came_back_of_what_was_lost(scores: tuple[list[float], ...]):
    names = ("base", "w3", "w3c")
    episodes = [
        EpisodeScore(name, "alpha", str(index), progress, None, 0, None, 0, None)
        for name, values in zip(names, scores, strict=True)
        for index, progress in enumerate(values)
    ]
    agents = {name: {"identity": {"engine": {"weights": ENGINES[name]}, "settings": {}}} for name in names}
    agents["w3c"]["identity"]["engine"]["constrained"] = "json-schema"
    (found,) = recovered(Table(episodes), agents, ["alpha"])
    shared = min(map(len, scores))
    base, free, twin = (fmean(values[:shared]) for values in scores)
    assert found.keys() == {"benchmark", "contestant", "constrained", "tasks", "progress"}
    progress = found["progress"]
    assert (found["tasks"], progress["lost"]) == (shared, pytest.approx(base - free))
    if progress["lost_ci"][0] > 0:
        assert progress["share"] == pytest.approx((twin - free) / (base - free))
    else:
        assert progress["share"] is None
