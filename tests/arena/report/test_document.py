import json
from pathlib import Path

import pytest

from arena.deciding import random_order
from arena.errors import UsageError
from arena.protocol.base import FailureKind
from arena.report.document import report_document
from arena.report.replies import partings
from tests.arena.report.made_runs import UNPLAYED, Scores, make_run, task

ONES = [1.0] * 40
DROPS = [0.5, 1.0] * 20


@pytest.fixture
def run(tmp_path: Path) -> Path:
    scores = {
        "base": {"alpha": ONES, "beta": ONES[:10]},
        "small": {"alpha": DROPS, "beta": ONES[:10]},
        "same": {"alpha": ONES, "beta": ONES[:10]},
    }
    failures = {"small": FailureKind.NOT_JSON}
    return make_run(tmp_path / "run", scores, sizes={"base": 1000, "small": 250}, failures=failures)


def test_the_documented_fields_are_there_and_it_is_json(run: Path):
    document = report_document(run)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    small = document["contestants"]["small"]["alpha"]
    assert small["delta"] == -0.25
    low, high = small["ci"]
    assert low < -0.25 < high < 0
    assert small["p"] <= small["p_holm"] < 0.05
    assert small["verdict"].startswith("worse by 25 points [")
    assert {"pairs", "effect", "mde", "verdict_kind", "tasks_to_decide"} <= small.keys()
    assert set(small["measures"]) == {"progress", "success", "valid_call_rate"}
    assert small["measures"]["success"]["effect"] == {"lost": 20, "gained": 0, "odds_ratio": 0.0}
    assert "delta" not in document["contestants"]["base"]["alpha"]


def test_overall_every_benchmark_weighs_the_same(run: Path):
    overall = report_document(run)["overall"]
    assert overall["small"]["progress"] == pytest.approx((0.75 + 1) / 2)
    assert overall["small"]["delta"] == pytest.approx(-0.125)
    assert overall["small"]["size_ratio"] == 0.25
    assert overall["base"]["benchmarks"] == ["alpha", "beta"]


def test_tasks_that_changed_sides_are_listed(run: Path):
    flips = report_document(run)["flips"]
    assert len(flips["small"]["lost"]) == 20
    assert flips["small"]["lost"][1]["task"] == "alpha/2"
    assert flips["small"]["gained"] == flips["same"]["lost"] == []


def test_failures_are_compared_with_the_baseline_task_by_task(run: Path):
    document = report_document(run)
    assert document["failures"] == {"small": {"not_json": 50}}
    found = document["failures_compared"]["small"]["not_json"]
    assert (found["per_episode"], found["base_per_episode"], found["tasks_more"]) == (1.0, 0.0, 50)
    assert found["p"] <= found["p_holm"] < 0.001
    assert found["example"] == "alpha/0"
    assert "same" not in document["failures_compared"]


def test_no_verdict_is_given_where_the_base_plays_no_better_than_random(tmp_path: Path):
    scores = {name: {"alpha": [0.5, 0.2] * 10} for name in ("base", "dice")} | {
        "small": {"alpha": [0.1] * 20}
    }
    document = report_document(make_run(tmp_path / "run", scores, engines={"dice": "random"}))
    assert document["floors"]["alpha"]["cleared"] is False
    small = document["contestants"]["small"]["alpha"]
    assert small["verdict_kind"] == "no_base"
    assert small["verdict"].startswith("the base can't do this benchmark (progress 35, floor 35)")
    assert small["delta"] == pytest.approx(-0.25)
    assert document["overall"]["small"]["verdict_kind"] == "no_base"


def test_episodes_of_an_older_grading_are_not_paired(tmp_path: Path):
    scores = {"base": {"alpha": ONES}, "small": {"alpha": DROPS}}
    document = report_document(make_run(tmp_path / "run", scores, gradings={"base": 2, "small": 1}))
    assert "delta" not in document["contestants"]["small"]["alpha"]
    assert any("40 episodes of an older grading" in note for note in document["notes"])


def test_errors_and_episodes_not_played_are_said(tmp_path: Path):
    scores = {"base": {"alpha": ONES}, "small": {"alpha": [None, None, *ONES[:30]]}}
    document = report_document(make_run(tmp_path / "run", scores))
    assert document["unplayed"] == 8
    said = " ".join(document["notes"])
    assert "8 episodes are not played yet" in said
    assert "2 episodes ended in an error" in said


def test_bundled_tasks_in_place_of_official_ones_are_said(tmp_path: Path):
    run = make_run(tmp_path / "run", {"base": {"alpha": ONES}})
    with (run / "run.toml").open("a") as plan:
        plan.write('\n[[suite.tasks]]\nbenchmark = "alpha"\nsource = "best"\n')
    notes = report_document(run)["notes"]
    assert any("alpha: official data are not imported, 40 bundled tasks" in note for note in notes)


def stopped_after_40() -> Scores:
    """Of 90 tasks the first 40 in the order of a decisive run, and one that was quick."""
    order = random_order([task("alpha", index).hash for index in range(90)], 0)
    place = [order.index(task("alpha", index).hash) for index in range(90)]
    played = [rank < 40 or rank == 60 for rank in place]
    base = [1.0 if done else UNPLAYED for done in played]
    small = [
        (0.5 if rank % 2 else 1.0) if done else UNPLAYED for rank, done in zip(place, played, strict=True)
    ]
    return {"base": {"alpha": base}, "small": {"alpha": small}}


def test_a_run_that_was_stopped_early_gets_intervals_that_allow_for_it(tmp_path: Path):
    scores = stopped_after_40()
    whole = report_document(make_run(tmp_path / "whole", scores))
    stopped = report_document(make_run(tmp_path / "run", scores, planned=90, decided="small: worse"))
    assert stopped["contestants"]["small"]["alpha"]["pairs"] == 40
    assert stopped["stopped"] == "small: worse"
    wide, narrow = (each["contestants"]["small"]["alpha"]["ci"] for each in (stopped, whole))
    assert wide[0] < narrow[0] < narrow[1] < wide[1] < 0
    assert not any("not played yet" in note for note in stopped["notes"])


def test_a_task_of_two_runs_counts_once_where_one_was_stopped_and_all_of_the_other_counts(tmp_path: Path):
    other: Scores = {"base": {"beta": [1.0] * 30}, "small": {"beta": [0.5] * 30}}
    stopped = [
        make_run(tmp_path / name, stopped_after_40(), planned=90, decided="small: worse")
        for name in ("a", "b")
    ]
    complete = make_run(tmp_path / "c", other)
    scores = report_document(*stopped, complete)["contestants"]["small"]
    assert (scores["alpha"]["pairs"], scores["beta"]["pairs"]) == (40, 30)


def test_several_runs_make_one_report_that_pairs_by_content(tmp_path: Path):
    first = make_run(tmp_path / "first", {"base": {"alpha": ONES}})
    second = make_run(tmp_path / "second", {"small": {"alpha": DROPS}, "base": {"alpha": ONES[:5]}})
    document = report_document(first, second)
    assert document["run"] == "first + second"
    assert list(document["contestants"]) == ["base", "small"]
    assert document["contestants"]["base"]["alpha"]["episodes"] == 40
    assert document["contestants"]["small"]["alpha"]["pairs"] == 40
    assert any("5 episodes of second were in an earlier run" in note for note in document["notes"])


def test_what_one_run_owes_and_another_has_finished_is_not_owed(tmp_path: Path):
    whole = {"base": {"alpha": ONES}, "small": {"alpha": ONES}}
    finished = make_run(tmp_path / "finished", whole)
    failed = make_run(tmp_path / "failed", whole | {"small": {"alpha": [None, None, *ONES[2:]]}})
    cut = make_run(tmp_path / "cut", whole | {"small": {"alpha": ONES[:30]}})
    for runs in ((failed, cut, finished), (finished, cut, failed)):
        document = report_document(*runs)
        small = document["contestants"]["small"]["alpha"]
        assert (small["episodes"], small["errors"], small["progress_with_errors"]) == (40, 0, 1.0)
        assert document["unplayed"] == 0
        assert document["headline"]["caution"] is None
    document = report_document(failed, cut)
    assert document["unplayed"] == 0
    assert document["contestants"]["small"]["alpha"]["errors"] == 0
    again = report_document(failed, failed)
    assert again["contestants"]["small"]["alpha"]["errors"] == 2


def test_the_same_name_for_two_models_stays_two_contestants(tmp_path: Path):
    first = make_run(tmp_path / "first", {"base": {"alpha": ONES}})
    second = make_run(tmp_path / "second", {"base": {"alpha": DROPS}})
    plan = second / "run.toml"
    plan.write_text(plan.read_text().replace("hash-base", "another"))
    document = report_document(first, second)
    assert list(document["contestants"]) == ["base", "base (second)"]
    assert document["contestants"]["base (second)"]["alpha"]["delta"] == -0.25


def test_a_filter_chooses_episodes_and_is_said(run: Path):
    document = report_document(run, chosen="benchmark:alpha")
    assert list(document["contestants"]["small"]) == ["alpha"]
    assert document["filter"] == "benchmark:alpha"
    assert not any("leaves out all of" in note for note in document["notes"])
    document = report_document(run, chosen="contestant=small")
    assert any("leaves out all of base" in note for note in document["notes"])
    with pytest.raises(UsageError, match="no key"):
        report_document(run, chosen="nonsense:1")


def test_chosen_contestants_are_compared_among_themselves_the_first_is_the_baseline(tmp_path: Path):
    scores = {"base": {"alpha": ONES}, "small": {"alpha": DROPS}, "late": {"alpha": [None, *ONES[:9]]}}
    run = make_run(tmp_path / "run", scores)
    whole, some = report_document(run), report_document(run, only=["small", "base"])
    assert (some["baseline"], list(some["contestants"]), list(some["agents"])) == (
        "small",
        ["small", "base"],
        ["small", "base"],
    )
    assert some["contestants"]["base"]["alpha"]["delta"] == 0.25
    assert (whole["unplayed"], some["unplayed"]) == (30, 0)
    assert "late" not in json.dumps(some)
    with pytest.raises(UsageError, match="has no contestant 'other'"):
        report_document(run, only=["base", "other"])


def test_repeats_are_one_task(tmp_path: Path):
    scores = {"base": {"alpha": ONES}, "small": {"alpha": DROPS}}
    document = report_document(make_run(tmp_path / "run", scores, repeats=2))
    small = document["contestants"]["small"]["alpha"]
    assert (small["episodes"], small["tasks"], small["pairs"]) == (40, 20, 20)
    assert small["pass_hat_k"] == {"1": 0.5, "2": 0.0}


def test_a_run_of_the_papers_suite_says_that_its_values_are_not_known_here(tmp_path: Path):
    run = make_run(tmp_path / "run", {"base": {"alpha": [1.0]}})
    assert not any("the paper's own values" in note for note in report_document(run)["notes"])
    (run / "run.toml").write_text((run / "run.toml").read_text().replace('"made"', '"acbench-lite"'))
    assert any("the paper's own values" in note for note in report_document(run)["notes"])


def made(run: Path, scores: Scores, **hashes: str) -> Path:
    """Make a run of which some contestants have other hashes than their names': they are other models."""
    text = (make_run(run, scores) / "run.toml").read_text()
    for name, found in hashes.items():
        text = text.replace(f"hash-{name}", found)
    (run / "run.toml").write_text(text)
    return run


def test_three_models_of_one_name_are_three_though_their_runs_share_a_name_too(tmp_path: Path):
    levels = {"a": 0.25, "b": 0.5, "c": 0.75}
    runs = [
        made(tmp_path / place / "run", {"base": {"alpha": ONES}, "w4": {"alpha": [level] * 40}}, w4=place)
        for place, level in levels.items()
    ]
    document = report_document(*runs)
    assert {name: scores["alpha"]["progress"] for name, scores in document["contestants"].items()} == {
        "base": 1.0,
        "w4": 0.25,
        "w4 (run)": 0.5,
        "w4 (run 2)": 0.75,
    }
    # of the base alone there are episodes twice
    assert [note for note in document["notes"] if "earlier run" in note] == [
        "40 episodes of run were in an earlier run already; those count"
    ] * 2
    asked = "w4 (run 2)", task("alpha", 0).hash
    assert partings(runs, document, [asked])[asked].contestant == "w4"


def test_a_model_of_the_same_name_and_hash_is_one_whichever_run_it_is_first_in(tmp_path: Path):
    runs = [
        made(tmp_path / day, {"base": {"alpha": ONES[:20]}, "w4": {"alpha": DROPS[at : at + 20]}}, w4=found)
        for day, found, at in (("mon", "h1", 0), ("tue", "h2", 0), ("wed", "h2", 20))
    ]
    assert list(report_document(*runs)["contestants"]) == ["base", "w4", "w4 (tue)"]
