import csv
import io
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


def test_latex_holds_text_as_text():
    table = tables.latex(("a_b", ">c"), [("50 % & \\input{x}", "1")])
    assert r"50 \% \& \textbackslash{}input\{x\} & 1 \\" in table
    assert table.startswith("\\begin{tabular}{lr}")


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
    assert lost.endswith("and 5 more")
    assert any("0.5 MB (25 % of the base)" in size for size in sentences.sizes(document))
    said = sentences.with_errors(document)
    assert "progress 96.7 instead of 100.0" in said[0]
    assert "grading version 1" in " ".join(sentences.provenance(document))


def test_one_form_at_a_time(run: Path):
    from arena.errors import UsageError

    result = CliRunner().invoke(app, ["report", str(run), "--csv", "--json"])
    assert isinstance(result.exception, UsageError)
