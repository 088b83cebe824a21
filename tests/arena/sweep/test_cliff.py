import pytest

from analysis.significance import PairedDifference
from arena.sweep.cliff import find_cliff
from arena.sweep.document import bar, sweep_document, table_columns, table_rows
from arena.sweep.judging import Judged, Line
from arena.verdict import Verdict, verdict

EQUAL = PairedDifference(0.0, -0.04, 0.04, 1.0, 100, 0.1)
WORSE = PairedDifference(-0.18, -0.25, -0.12, 0.001, 100, 0.3)
OPEN = PairedDifference(-0.05, -0.3, 0.2, 0.7, 12, 0.4)


def judged(bits: int | None, difference: PairedDifference | None) -> Judged:
    return Judged(
        bits,
        "uncompressed" if bits is None else f"{bits} bits",
        "run",
        f"m-{bits}",
        {"progress": 0.5, "success": 0.25, "valid_call_rate": None},
        {"prompt_tokens": 100.0, "tokens": 10.0, "time_s": 1.5, "size_bytes": 2e6},
        difference,
        verdict(difference) if difference else None,
    )


def line(*differences: PairedDifference) -> Line:
    values = zip((8, 4, 3, 2), differences, strict=False)
    points = tuple(judged(bits, difference) for bits, difference in values)
    return Line("m", "m", points, "the uncompressed model", (judged(None, None),))


def cliff(*differences: PairedDifference):
    return find_cliff(line(*differences), "valid_call_rate", "down to")


def test_a_cliff_is_told_with_the_last_value_that_holds_and_the_loss_at_the_next():
    found = cliff(EQUAL, EQUAL, WORSE, WORSE)
    assert found.text == (
        "m keeps its valid-call rate down to 4 bits, loses 18 points [12, 25] at 3 bits,"
        " against the uncompressed model"
    )
    assert (found.kind, found.kept, found.dropped) == ("cliff", "4 bits", "3 bits")


def test_a_drop_at_the_first_value_and_undecided_ones_are_said_to_be_that():
    assert "at 8 bits already" in cliff(WORSE, WORSE).text
    found = cliff(EQUAL, OPEN, WORSE, EQUAL)
    assert "undecided at 4 bits" in found.text
    assert "beyond it no loss is proven at 2 bits" in found.text
    assert found.kept == "8 bits"
    assert cliff(OPEN, WORSE).kept is None


def test_no_drop_is_only_said_where_one_is_ruled_out():
    found = cliff(EQUAL, EQUAL)
    assert found.kind == "none"
    assert found.text.startswith("no drop was found: m keeps its valid-call rate down to 4 bits")
    assert "more than 4 points are ruled out" in found.text
    open_end = cliff(EQUAL, OPEN)
    assert (open_end.kind, open_end.kept, open_end.dropped) == ("undecided", "8 bits", None)
    assert "12 tasks say too little" in open_end.text


def test_a_base_that_cannot_do_the_tasks_gets_its_own_sentence_and_nothing_paired_says_so():
    unable = Judged(8, "8 bits", "run", "m", {}, {}, None, Verdict("no_base", "the base can't do it"))
    assert find_cliff(Line("m", "m", (unable,), "", ()), "progress", "up to").text == "the base can't do it"
    assert find_cliff(Line("m", "m", (), "", ()), "progress", "up to").kind == "nothing"


def test_another_base_is_named():
    other = Line("awq", "base", line(EQUAL, WORSE).judged, "base at the same value", ())
    assert find_cliff(other, "progress", "up to").text.startswith(
        "awq keeps base's progress rate up to 8 bits"
    )


def test_the_table_has_a_row_a_value_with_as_many_cells_as_columns():
    document = sweep_document("bits", "", "progress", "down to", [line(EQUAL, WORSE)], ["2 bits"])
    rows = table_rows(document, document["lines"][0])
    assert [row[0] for row in rows] == ["uncompressed", "8 bits", "4 bits"]
    assert {len(row) for row in rows} == {len(table_columns(document))}
    assert "-18" in rows[2]
    assert "[-25, -12]" in rows[2]
    assert document["lines"][0]["values"][1]["verdict_kind"] == "worse"


def test_values_that_only_the_compressed_model_reaches_stand_in_the_table_too():
    values = tuple(judged(turns, None) for turns in (2, 4, 8))
    alone = Line("w2", "m", values, "m at the same value", (judged(2, None),))
    document = sweep_document("turns", "", "progress", "up to", [alone])
    rows = table_rows(document, document["lines"][0])
    assert [row[0] for row in rows] == ["2 bits, m", "2 bits, w2", "4 bits, w2", "8 bits, w2"]
    assert rows[-1][-1] == "not comparable"


@pytest.mark.parametrize(
    ("share", "cells"), [(0.0, " " * 10), (0.5, "█████     "), (1.0, "█" * 10), (None, "")]
)
def test_a_bar_is_as_long_as_its_share(share, cells):
    assert bar(share) == cells


def test_the_figure_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    from analysis.figures import save
    from arena.sweep.figure import sweep_figure

    document = sweep_document("bits", "", "progress", "down to", [line(EQUAL, WORSE)])
    save(sweep_figure(document), tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 5000


def test_what_is_ruled_out_where_all_are_better_is_any_drop():
    better = PairedDifference(0.3, 0.24, 0.36, 0.001, 100, 0.3)
    assert "(more than 0 points are ruled out)" in cliff(better, better).text
