from typing import Any

from arena.study.claims import Record
from arena.study.document import needle_grid
from arena.study.page import claim_rows, report_files, study_page


def claim(**changes: Any) -> dict[str, Any]:
    values = {
        "says": "A costs more than B.",
        "where": "§4",
        "verdict": "confirmed",
        "estimate": 0.123,
        "low": 0.05,
        "high": 0.2,
        "threshold": 0.0,
        "cases": 9,
        "needed": None,
        "measured": "9 tasks",
        "reason": "",
        "of": "tasks",
    }
    return values | changes


def report(baseline: str = "base") -> dict[str, Any]:
    return {
        "run": "r",
        "baseline": baseline,
        "contestants": {},
        "failures": {},
        "agents": {},
        "overall": {},
        "provenance": {"runs": [], "data": {"teval": {"sources": {"bundled": 3}}}},
        "headline": {"kind": "alone", "text": f"Nothing to ship of {baseline}", "why": [], "caution": None},
    }


def document(**changes: Any) -> dict[str, Any]:
    values = {
        "run": "r",
        "created": "2026-11-24T00:00:00",
        "machine": {"cores": 2, "processor": "x86_64"},
        "packages": {"torch": "2.13"},
        "suite": {"name": "study", "tasks": {"teval": 3}, "repeats": 1, "temperature": 0.0},
        "calibration": ["16 x 512"],
        "reports": [report()],
        "claims": [claim()],
        "noise": [],
        "sizes": [],
        "needle": {},
        "analyses": [],
        "telling": None,
    }
    return values | changes


def test_a_claim_is_told_in_points_and_correlations_as_they_are():
    rows = claim_rows(
        [
            claim(),
            claim(measured="Spearman's rho of loss, 9 recipes", estimate=0.5, low=-0.1, high=0.9),
            claim(verdict="not decidable", needed=1234),
            claim(verdict="not asked", estimate=None, measured="", reason="no tasks"),
            claim(verdict="not decidable", of="recipes"),
        ]
    )
    assert rows[0] == ("A costs more than B.", "confirmed", "+12.3 [+5.0, +20.0]", "9 tasks")
    assert rows[1][2] == "+0.50 [-0.10, +0.90]"
    assert rows[2][1] == "not decidable with so few tasks; about 1,234 would do"
    assert rows[3][1:] == ("not asked", "", "no tasks")
    assert rows[4][1] == "not decidable with so few recipes"


def test_needles_are_a_grid_of_length_and_depth_and_other_tasks_are_none_of_it():
    tasks = {"a": "needle/1000/0", "b": "needle/1000/100", "c": "needle/several-500/1", "d": "pddl/gripper/0"}
    progress = {("base", task): value for task, value in zip("abcd", (1.0, 0.25, 0.5, 0.5), strict=True)}
    grid = needle_grid(Record(progress, tasks, [], {}))
    assert grid == {"base": {1000: {0.0: 1.0, 100.0: 0.25}}}
    page = study_page(document(needle=grid))
    assert "| contestant | 1,000 at 0 % | 1,000 at 100 % |" in page
    assert "| base | 100 | 25 |" in page


def test_size_stands_against_the_score_on_the_same_tasks_for_all():
    rows = [
        {"contestant": "base", "size_bytes": 2_000_000, "tasks": 20, "progress": 0.6},
        {"contestant": "easy", "size_bytes": 1_000_000, "tasks": 0, "progress": None},
    ]
    page = study_page(document(sizes=rows))
    assert "over the same 20 tasks (-: finished fewer)," in page
    assert "| easy | 1.0 | - |\n| base | 2.0 | 60.0 |" in page


def test_the_page_names_twins_and_leaves_out_what_the_run_does_not_hold():
    pair = {
        "first": "base",
        "second": "base|again",
        "same_engine": True,
        "episodes": 3,
        "equal_episodes": 3,
        "turns": 9,
        "equal_turns": 9,
        "progress_difference": 0.0,
        "tie": True,
    }
    page = study_page(document(noise=[pair]))
    assert "| base, base\\|again | same engine | 3 of 3 | 9 of 9 | +0.0 |" in page
    assert "## Needle" not in page
    assert "## What changed inside" not in page


def test_tools_in_the_chat_template_are_compared_with_the_base_where_tasks_have_tools():
    page = document()
    fields = {"episodes": 12, "errors": 0, "delta": -0.1, "ci": [-0.2, 0.05], "pairs": 12, "p_holm": 1.0}
    measures = {"measures": {"valid_call_rate": {"delta": 0.2, "ci": [0.1, 0.3]}}}
    both = {"tool-query": fields | measures, "teval": fields | measures}
    page["reports"][0]["agents"] = {
        "template": {"options": {"tools": "template"}},
        "server": {"options": {"tools": "server"}},
        "fp8": {"options": {}},
    }
    page["reports"][0]["contestants"] = {"template": both, "server": both, "fp8": both}
    told = tools_section(page)
    assert "| tool-query | template | 12 | -10.0 [-20.0, +5.0] | +20.0 [+10.0, +30.0] |" in told
    assert "| tool-query | server | 12 |" in told
    assert "teval" not in told
    assert "fp8" not in told


def test_without_tool_tasks_nothing_is_said_of_tools_in_the_chat_template():
    page = document()
    page["reports"][0]["agents"] = {"template": {"options": {"tools": "template"}}}
    page["reports"][0]["contestants"] = {
        "template": {"teval": {"episodes": 9, "errors": 0, "pairs": 9, "verdict": "?", "measures": {}}}
    }
    assert not tools_section(page)


def tools_section(page: dict[str, Any]) -> str:
    _, _, rest = study_page(page).partition("## Tools in the chat template")
    return rest.partition("\n## ")[0]


def test_the_example_is_shown_as_it_is_and_the_recommendation_stands_first():
    example = {
        "contestant": "fp8",
        "heading": ["fp8 beside base", "reply   ```<b>"],
        "tokens": [["*", "3", "a|b", "tool name", "x", "9", "y", "8", "1", "0.1"]],
        "verdict": ["token 3 changes the action"],
    }
    page = study_page(document(telling=example))
    assert "    reply   ```<b>\n" in page
    assert "a\\|b" in page
    assert (
        page.index("## Which to ship") < page.index("## What the paper found") < page.index("token by token")
    )


def test_each_base_model_has_its_own_recommendation_and_its_own_report():
    reports = [report("small"), report("large/b")]
    page = study_page(document(reports=reports))
    assert page.startswith("# Study of small and large/b\n")
    assert (
        "### small\n\n**Nothing to ship of small.**\n\n### large/b\n\n**Nothing to ship of large/b.**" in page
    )
    assert report_files(reports) == {"report-small.html": reports[0], "report-large-b.html": reports[1]}
    assert list(report_files(reports[:1])) == ["report.html"]
    assert list(report_files([report("a"), report("../../b")]))[1] == "report-..-..-b.html"


def test_a_loss_is_told_in_points_whatever_its_base_is_called():
    (row,) = claim_rows([claim(measured="2 recipes against 2 of rho-math-1b")])
    assert row[2] == "+12.3 [+5.0, +20.0]"


def test_the_page_says_whose_tasks_were_played_and_how_often():
    page = study_page(document())
    assert "study (bundled, not official data): 3 teval; each once" in page
    official = report()
    official["provenance"] = {"runs": [], "data": {"teval": {"sources": {"official": 2, "bundled": 1}}}}
    suite = {"name": "study", "tasks": {"teval": 3}, "repeats": 5, "temperature": 0.7}
    page = study_page(document(reports=[official], suite=suite))
    assert "study (bundled and official data): 3 teval; each 5 times, temperature 0.7" in page
