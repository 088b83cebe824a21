import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.report import sentences, tables
from arena.report.document import report_document
from tests.arena.report.made_runs import make_run

HOSTILE = "x|y\n[red]*_`<b>&%$"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    scores = {
        "base": {"alpha": [1.0] * 30, "beta": [1.0] * 30},
        HOSTILE: {"alpha": [0.0, 1.0] * 15, "beta": [*[1.0] * 29, None]},
    }
    return make_run(tmp_path / "run", scores, sizes={"base": 2_000_000, HOSTILE: 500_000})


def printed(run: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["report", str(run), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_names_cannot_break_out_of_a_markdown_cell():
    table = tables.markdown(("a", ">b"), [("x|y\nz\\", "1")])
    assert table.splitlines() == ["| a | b |", "|---|---:|", "| x\\|y z\\\\ | 1 |"]


def test_no_name_gives_a_terminal_orders():
    name = "ex\x1b]0;PWN\x07\x1b[31mpert\u202e"
    document = {"baseline": name, "contestants": {name: {"pddl": {"episodes": 1, "errors": 0}}}}
    shown = tables.as_csv(document) + tables.latex(("a",), [(name,)])
    assert shown.count("ex␛]0;PWN␇␛[31mpert<U+202E>") > 1
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_latex_holds_text_as_text():
    table = tables.latex(("a_b", ">c"), [("50 % & \\input{x}", "1")])
    assert r"50 \% \& \textbackslash{}input\{x\} & 1 \\" in table
    assert table.startswith("\\begin{tabular}{lr}")


def test_latex_reads_signs_as_they_are_and_a_bracket_as_no_argument():
    table = tables.latex(("name", ">p"), [("a|b", "<0.001"), ("[x]", "1"), ("*", "1")])
    rows = table.splitlines()[4:7]
    assert rows == [r"a\textbar{}b & \textless{}0.001 \\", r"{}[x] & 1 \\", r"{}* & 1 \\"]


def test_csv_has_a_line_a_measure_with_numbers_as_they_are(run: Path):
    rows = list(csv.DictReader(io.StringIO(printed(run, "--csv"))))
    (row,) = (
        each
        for each in rows
        if (each["benchmark"], each["contestant"], each["measure"]) == ("alpha", HOSTILE, "success")
    )
    assert float(row["delta"]) == -0.5
    assert float(row["low"]) < -0.5 < float(row["high"]) < 0
    assert {each["benchmark"] for each in rows} == {"alpha", "beta", "overall"}
    (played_on,) = {each["played_on"] for each in rows}
    assert "suite " in played_on
    assert "grading version" in played_on


@pytest.mark.parametrize("name", ["=1+1", " =1+1", "\n=1+1", "\u200d=1+1", "@x", "\t=1+1"])
def test_no_name_is_a_formula_to_a_spreadsheet(name: str):
    document = {"baseline": name, "contestants": {name: {"pddl": {"episodes": 1, "errors": 0}}}}
    _, row, *_ = csv.reader(io.StringIO(tables.as_csv(document)))
    assert row[1].startswith("'")


def test_markdown_shows_names_as_they_are_in_tables_too(run: Path):
    shown = printed(run, "--markdown")
    assert "<b>" not in shown
    assert "[red]" not in shown
    assert f"| alpha | {tables.literal(HOSTILE)} | 30 |" in shown


def test_what_a_latex_table_was_played_on_stays_a_comment(tmp_path: Path):
    made = make_run(tmp_path / "run", {"base": {"alpha": [1.0]}})
    plan = made / "run.toml"
    plan.write_text(plan.read_text().replace('"hash-base"', '"a\\n\\\\input{x}\\u2028b"'))
    comments, _, _ = printed(made, "--latex").partition("\\begin{tabular}")
    assert all(line.startswith("% ") for line in comments.splitlines())
    assert "a \\input{x} b" in comments


def test_what_a_run_does_not_tell_is_not_told():
    run = {"packages": {}, "seeds": [0], "suite": "imported", "tasks": 3, "arena": "1", "machine": {}}
    data = {"sources": {"imported": 3}, "grading_version": None, "scoring": [], "encoder": []}
    document = {"provenance": {"runs": [run | {"created": "today"}], "data": {"sums": data}}}
    assert sentences.provenance(document)[:2] == [
        "suite imported, 3 tasks, seeds 0; arena 1; begun today",
        "sums: tasks 3 imported",
    ]


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_report_fits_its_terminal(run: Path, width: int, monkeypatch: pytest.MonkeyPatch):
    from rich.console import Console

    monkeypatch.setattr("arena.cli.output.out", lambda: Console(width=width, highlight=False))
    text = printed(run)
    assert max(map(len, text.splitlines())) <= width
    assert "worse by 50 points" in " ".join(text.split())


def test_sentences_say_flips_floors_sizes_and_errors(run: Path):
    document = report_document(run)
    (lost,) = sentences.flipped(document)
    assert "lost 15: alpha/0, alpha/2" in lost
    assert lost.endswith("and 9 more")
    assert any("0.5 MB (25 % of the base)" in size for size in sentences.sizes(document))
    said = sentences.with_errors(document)
    assert "progress 96.7 instead of 100.0" in said[0]
    assert "grading version 1" in " ".join(sentences.provenance(document))


def test_no_name_brings_escapes_or_hidden_characters_to_the_terminal(tmp_path: Path):
    name = "evil\x1b[2J\x9b31m\u202e"
    scores = {"base": {"al\x1bpha": [1.0] * 9, "beta": [1.0] * 9}}
    run = make_run(tmp_path / "run", {**scores, name: {"al\x1bpha": [0.0] * 9, "beta": [1.0] * 9}})
    for form in ((), ("--markdown",)):
        text = printed(run, *form)
        assert "evil␛" in text
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)


def test_what_the_base_cannot_do_is_said_once_and_not_for_every_contestant(tmp_path: Path):
    scores = {name: {"alpha": [0.0] * 9, "beta": [1.0] * 9} for name in ("base", "a", "b")}
    run = make_run(tmp_path / "run", {**scores, "dice": {"alpha": [0.1] * 9}}, engines={"dice": "random"})
    said = sentences.verdicts(report_document(run))
    assert said["alpha"] == [
        ("", "the base can't do this benchmark (progress 0, floor 10): no verdict on compression")
    ]
    assert [name for name, _ in said["beta"]] == ["a", "b", "dice"]


def test_one_form_at_a_time(run: Path):
    from arena.errors import UsageError

    result = CliRunner().invoke(app, ["report", str(run), "--csv", "--json"])
    assert isinstance(result.exception, UsageError)


def test_every_form_for_people_says_which_to_ship(tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 60}, HOSTILE: {"alpha": [1.0] * 60}}
    run = make_run(tmp_path / "run", scores, sizes={"base": 2_000_000, HOSTILE: 500_000})
    text = " ".join(printed(run).split())
    assert "Which to ship: Ship x|y [red]*_`<b>&%$: 25 % of the base's size." in text
    assert text.endswith("is ruled out (95 % sure; +0.0 [-6.0, +6.0] on 60 tasks).")
    lines = printed(run, "--markdown").splitlines()
    assert lines[2].startswith("**Ship x&#124;y &#91;red")
    assert lines[2].endswith("25 % of the base's size.**")
    assert "a drop of more than 7 points" in lines[4]
    found = json.loads(printed(run, "--json"))["headline"]
    assert (found["kind"], found["caution"]) == ("ship", None)
    assert found["text"].startswith("Ship x|y")
