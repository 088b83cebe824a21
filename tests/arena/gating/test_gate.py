import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.errors import UsageError
from arena.gating.decision import decide, exit_code
from arena.gating.markdown import gate_markdown
from arena.gating.policy import Policy, load_policy
from arena.gating.replies import read_flips
from arena.report.document import report_document
from tests.arena.report.made_runs import make_run

ONES = [1.0] * 200
HALF = [1.0, 0.5] * 100


def decided(tmp_path: Path, other: list, policy: Policy | None = None, base: list | None = None, **more):
    scores = {"base": {"alpha": base or ONES}, "small": {"alpha": other}}
    run = make_run(tmp_path / f"run{len(list(tmp_path.iterdir()))}", scores, **more)
    return decide(report_document(run), policy or Policy())


def test_equal_scores_on_many_tasks_pass(tmp_path: Path):
    decision = decided(tmp_path, ONES)
    assert decision.status == "PASS"
    assert decision.lines[0].reason == "a drop of more than 3 points is ruled out"


def test_a_large_certain_drop_fails(tmp_path: Path):
    decision = decided(tmp_path, HALF)
    assert (decision.status, decision.lines[0].delta) == ("FAIL", -0.25)


def test_few_tasks_are_inconclusive_and_say_how_many_would_decide(tmp_path: Path):
    decision = decided(tmp_path, ONES[:20], base=ONES[:20])
    assert decision.status == "INCONCLUSIVE"
    assert decision.lines[0].tasks_to_decide is not None
    assert decision.lines[0].tasks_to_decide >= 120


def test_a_small_certain_drop_is_a_warning(tmp_path: Path):
    base, other = [0.5] * 200, [0.48, 0.5] * 100
    assert decided(tmp_path, other, base=base).status == "WARN"


def test_a_drop_beyond_what_is_allowed_but_not_certain_does_not_fail(tmp_path: Path):
    # 3 of 20 lost: looks like 15 points, and could be chance
    assert decided(tmp_path, [0.0] * 3 + ONES[:17], base=ONES[:20]).status == "INCONCLUSIVE"


def test_a_larger_allowed_drop_lets_more_through(tmp_path: Path):
    assert decided(tmp_path, HALF, Policy(max_drop=40)).status == "WARN"
    assert decided(tmp_path, HALF, Policy(max_drop_of={"alpha": 40})).status == "WARN"
    # success drops by 50 points where progress drops by 25
    assert decided(tmp_path, HALF, Policy(max_drop=40, measure="success")).status == "FAIL"


def test_advisory_benchmarks_only_warn(tmp_path: Path):
    scores = {"base": {"alpha": ONES, "beta": ONES}, "small": {"alpha": ONES, "beta": HALF}}
    document = report_document(make_run(tmp_path / "run", scores))
    assert decide(document, Policy()).status == "FAIL"
    decision = decide(document, Policy(advisory=("beta", "overall")))
    assert decision.status == "WARN"
    assert [line.status for line in decision.lines] == ["PASS", "WARN", "WARN"]
    assert decide(document, Policy(critical=("alpha",))).status == "WARN"


def test_a_critical_benchmark_that_was_not_played_is_inconclusive(tmp_path: Path):
    assert decided(tmp_path, ONES, Policy(critical=("alpha", "beta"))).status == "INCONCLUSIVE"


@pytest.mark.parametrize("other", [[*ONES[:190], *[None] * 10], ONES[:150]])
def test_owed_and_unplayed_episodes_keep_the_gate_shut(tmp_path: Path, other: list):
    decision = decided(tmp_path, other)
    assert decision.status == "INCONCLUSIVE"
    assert "episodes" in decision.lines[0].reason


def test_a_base_that_cannot_do_the_benchmark_is_inconclusive(tmp_path: Path):
    scores = {"base": {"alpha": [0.3] * 200}, "dice": {"alpha": [0.3] * 200}, "small": {"alpha": [0.0] * 200}}
    document = report_document(make_run(tmp_path / "run", scores, engines={"dice": "random"}))
    assert decide(document, Policy()).contestants["small"] == "INCONCLUSIVE"


def test_a_run_without_anything_to_compare_is_inconclusive(tmp_path: Path):
    document = report_document(make_run(tmp_path / "run", {"base": {"alpha": ONES}}))
    assert decide(document, Policy()).status == "INCONCLUSIVE"


def test_equal_contestants_hardly_ever_fail(tmp_path: Path):
    import numpy as np

    rng = np.random.default_rng(3)
    scores = {name: {"alpha": [*map(float, rng.random(60) < 0.6)]} for name in ("base", *map(str, range(20)))}
    decision = decide(report_document(make_run(tmp_path / "run", scores)), Policy())
    assert sum(line.status == "FAIL" for line in decision.lines) <= 1


def test_exit_codes_are_those_of_the_manual():
    codes = {status: exit_code(status, strict=False) for status in ("PASS", "WARN", "FAIL", "INCONCLUSIVE")}
    assert codes == {"PASS": 0, "WARN": 0, "FAIL": 1, "INCONCLUSIVE": 3}
    assert exit_code("INCONCLUSIVE", strict=True) == 1


def test_the_command_exits_and_speaks_json(tmp_path: Path):
    run = make_run(tmp_path / "run", {"base": {"alpha": ONES[:20]}, "small": {"alpha": ONES[:20]}})
    done = CliRunner().invoke(app, ["gate", str(run), "--json"])
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert (document["status"], document["contestants"]) == ("INCONCLUSIVE", {"small": "INCONCLUSIVE"})
    assert CliRunner().invoke(app, ["gate", str(run), "--strict"]).exit_code == 1
    assert CliRunner().invoke(app, ["gate", str(run), "--max-drop", "40"]).exit_code == 0


def test_a_benchmark_of_the_policy_that_nobody_played_is_named(tmp_path: Path):
    run = make_run(tmp_path / "run", {"base": {"alpha": ONES}, "small": {"alpha": ONES}})
    policy = tmp_path / "policy.toml"
    policy.write_text('advisory = ["overall"]\n[max_drop_of]\nalpha = 40\nalhpa = 1\n')
    done = CliRunner().invoke(app, ["gate", str(run), "--policy", str(policy), "--json"])
    assert json.loads(done.stdout)["status"] == "PASS"
    assert "something of alhpa, which nobody has played" in done.stderr
    assert "of overall" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_dorp = 3", "unknown key max_dorp"),
        ("max_drop = -1", "max_drop"),
        ('measure = "joy"', "measure"),
        ('critical = ["a"]\nadvisory = ["a"]', "a can't be critical and advisory"),
        ("[max_drop_of]\nalpha = 0", "max_drop_of.alpha"),
        ("= 3", "can't be read"),
    ],
)
def test_a_broken_policy_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_policy(path)


def test_the_comment_fits_and_what_models_said_stays_text(tmp_path: Path):
    evil = "</pre></details><script>alert(1)</script>\n\n# big ``` @everyone \x1b[31m" + "x" * 5000
    scores = {"base": {"alpha": ONES}, "sm|all": {"alpha": [0.0] * 200}}
    run = make_run(tmp_path / "run", scores, reply="{name}" + evil)
    document = report_document(run)
    text = gate_markdown(document, decide(document, Policy()), read_flips(run, document))
    assert len(text) < 65_536
    assert text.startswith("## FAIL: run against `base`")
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "@everyone" not in text
    assert text.count("<details>") == text.count("</details>") == text.count("</summary>") > 3
    assert "base&lt;/pre&gt;" in text
    assert "more flipped tasks" in text


@pytest.mark.parametrize(
    ("delta", "ci", "p_holm", "status"),
    [
        (-0.10, [-0.16, -0.04], 0.01, "FAIL"),
        (-0.02, [-0.04, -0.005], 0.01, "INCONCLUSIVE"),  # a drop is proven, but not one that is too large
        (-0.10, [-0.16, -0.04], 0.20, "INCONCLUSIVE"),  # among so many comparisons it may be chance
        (-0.02, [-0.029, -0.011], 0.01, "WARN"),
        (-0.02, [-0.029, -0.011], 0.20, "PASS"),
        (0.10, [0.05, 0.15], 0.01, "PASS"),
        (-0.05, [-0.20, 0.10], 0.50, "INCONCLUSIVE"),
    ],
)
def test_interval_and_corrected_test_decide_together(tmp_path: Path, delta, ci, p_holm, status):
    run = make_run(tmp_path / "run", {"base": {"alpha": ONES}, "small": {"alpha": HALF}})
    document = report_document(run)
    found = document["contestants"]["small"]["alpha"]["measures"]["progress"]
    found |= {"delta": delta, "ci": ci, "p": 0.01, "p_holm": p_holm}
    assert decide(document, Policy()).status == status


def test_yardsticks_are_not_judged(tmp_path: Path):
    scores = {"base": {"alpha": ONES}, "small": {"alpha": ONES}, "random": {"alpha": [0.0] * 200}}
    run = make_run(tmp_path / "run", scores, engines={"random": "random"})
    decision = decide(report_document(run), Policy())
    assert (decision.status, list(decision.contestants)) == ("PASS", ["small"])


def test_the_drop_that_is_allowed_is_said_as_it_was_asked_for(tmp_path: Path):
    decision = decided(tmp_path, ONES, Policy(max_drop=2.5))
    assert decision.lines[0].reason == "a drop of more than 2.5 points is ruled out"
