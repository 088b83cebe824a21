"""The sheet tools, and the sheet that they work on."""

from typing import Any

import pytest

from envs.tools.grid import Grid, format_number
from envs.tools.sheet import SheetToolkit
from envs.tools.toolkit import Refused, ToolError

TEAMS = {
    "name": "Teams",
    "values": [
        ["Team", "City", "Points"],
        ["Owls", "Kiel", 12.0],
        ["Foxes", "Bern", 19.0],
        ["Herons", "Kiel", 15.0],
        ["Moles", "Graz", None],
    ],
    "notes": {"A3": "points to 21"},
}


@pytest.fixture
def kit() -> SheetToolkit:
    return SheetToolkit([TEAMS, {"name": "Empty", "values": []}], opened="Teams")


def call(kit: SheetToolkit, name: str, /, **arguments: Any) -> Any:
    return kit.call(name, arguments)


def column(kit: SheetToolkit, place: int) -> list[str]:
    return [row[place] for row in kit.values()]


def test_values_notes_and_cells_can_be_read(kit: SheetToolkit) -> None:
    assert call(kit, "get_all_values")[1] == ["Owls", "Kiel", "12"]
    assert call(kit, "get_range_values", start_position="B2", end_position="C3") == [
        ["Kiel", "12"],
        ["Bern", "19"],
    ]
    assert call(kit, "get_cell_value", position="c2") == "12"
    assert call(kit, "get_cell_value", position="C5") is None
    assert call(kit, "get_note", position="A3") == "points to 21"
    assert call(kit, "get_note", position="A2") == ""
    assert call(kit, "get_A1_annotation", row=3, col="2") == "B3"
    assert call(kit, "finish") == kit.values()


def test_frozen_rows_stay_and_empty_cells_sort_last(kit: SheetToolkit) -> None:
    call(kit, "freeze_data", dimension="rows", num="1")
    call(kit, "sort_sheet_by_col", col_num=3, order="des")
    assert column(kit, 0) == ["Team", "Foxes", "Herons", "Owls", "Moles"]
    call(kit, "sort_sheet_by_col", col_num=3, order="asc")
    assert column(kit, 0) == ["Team", "Owls", "Herons", "Foxes", "Moles"]
    assert call(kit, "get_note", position="A4") == "points to 21"


def test_without_frozen_rows_the_titles_are_sorted_too(kit: SheetToolkit) -> None:
    call(kit, "sort_sheet_by_col", col_num=1, order="asc")
    assert column(kit, 0) == ["Foxes", "Herons", "Moles", "Owls", "Team"]
    call(kit, "sort_sheet_by_col", col_num=3, order="des")
    assert column(kit, 2) == ["Points", "19", "15", "12", ""]


def test_rows_that_tie_keep_their_order_both_ways(kit: SheetToolkit) -> None:
    call(kit, "freeze_data", dimension="rows", num=1)
    for order, names in (
        ("des", ["Owls", "Herons", "Moles", "Foxes"]),
        ("asc", ["Foxes", "Moles", "Owls", "Herons"]),
    ):
        call(kit, "sort_sheet_by_col", col_num=2, order=order)
        assert column(kit, 0)[1:] == names


def test_rows_and_columns_are_inserted_and_numbers_in_texts_are_numbers(kit: SheetToolkit) -> None:
    call(kit, "insert_rows", values_list=[["Newts", "Linz", "7.50"]], row_idx="2")
    assert kit.values()[1] == ["Newts", "Linz", "7.5"]
    call(kit, "insert_cols", values_list=[["Rank", 1, 2], ["Old"]], col_idx=1)
    assert kit.values()[:3] == [
        ["Rank", "Old", "Team", "City", "Points"],
        ["1", "", "Newts", "Linz", "7.5"],
        ["2", "", "Owls", "Kiel", "12"],
    ]
    call(kit, "insert_rows", values_list=[["9"]], row_idx=7)
    assert kit.values()[6] == ["9", "", "", "", ""]


def test_rows_and_columns_are_deleted_by_their_places_before(kit: SheetToolkit) -> None:
    assert [row[0] for row in call(kit, "delete_batch_data", dimension="row", index_list=[2, "4", 2])] == [
        "Team",
        "Foxes",
        "Moles",
    ]
    assert call(kit, "delete_batch_data", dimension="col", index_list=[2])[1] == ["Foxes", "19"]


@pytest.mark.parametrize(("dimension", "indices"), [("row", [1, 2, 3, 4]), ("col", [1, 2, 3])])
def test_a_whole_sheet_is_not_deleted_at_once(kit: SheetToolkit, dimension: str, indices: list[int]) -> None:
    with pytest.raises(Refused, match="whole sheet"):
        call(kit, "delete_batch_data", dimension=dimension, index_list=indices)


def test_cells_and_ranges_are_updated_and_formulas_computed(kit: SheetToolkit) -> None:
    call(kit, "update_cell", position="C5", value="=SUM(C2:C4)/2")
    assert column(kit, 2)[4] == "23"
    call(
        kit,
        "update_range",
        start_position="A2",
        end_position="C3",
        values_list=[["Cats", "Ulm", "3"], [None]],
    )
    assert kit.values()[1:3] == [["Cats", "Ulm", "3"], ["", "Bern", "19"]]
    assert column(kit, 2)[4] == "23"
    with pytest.raises(Refused, match="whole sheet"):
        call(kit, "update_range", start_position="A1", end_position="C5", values_list=[["x"]])
    with pytest.raises(Refused, match="more values"):
        call(kit, "update_range", start_position="A1", end_position="B1", values_list=[["x"], ["y"]])


def test_operators_work_on_ranges_and_on_lists(kit: SheetToolkit) -> None:
    assert call(kit, "get_value_by_formula", start_position="C2", end_position="C4", operator="MAX") == "19"
    assert call(kit, "get_value_by_formula", position_list=["C3", "C2"], operator="MINUS") == "7"
    call(kit, "update_cell_by_formula", position_list=["C2", "C4"], operator="AVERAGE", result_position="D2")
    assert kit.values()[1] == ["Owls", "Kiel", "12", "13.5"]


def test_a_result_is_shown_like_the_cells_it_comes_from_but_a_product_plainly() -> None:
    kit = SheetToolkit(
        [{"name": "S", "values": [[1.5, 2.0]], "formats": {"A1": "0.00", "B1": "0.00"}}], opened="S"
    )
    shown = [
        call(kit, "get_value_by_formula", start_position="A1", end_position="B1", operator=operator)
        for operator in ("SUM", "PRODUCT", "COUNT")
    ]
    assert shown == ["3.50", "3", "2"]


def test_merged_cells_all_show_the_first_and_can_not_be_sorted(kit: SheetToolkit) -> None:
    call(kit, "merge_cells", start_position="B2", end_position="B3")
    assert column(kit, 1) == ["City", "Kiel", "Kiel", "Kiel", "Graz"]
    assert call(kit, "get_cell_value", position="B3") is None
    with pytest.raises(Refused, match="merged"):
        call(kit, "sort_sheet_by_col", col_num=1, order="asc")
    with pytest.raises(Refused, match="merged already"):
        call(kit, "merge_cells", start_position="B3", end_position="B4")
    call(kit, "insert_rows", values_list=[["x"]], row_idx=1)
    assert column(kit, 1)[2:4] == ["Kiel", "Kiel"]
    call(kit, "delete_batch_data", dimension="row", index_list=[4])
    call(kit, "sort_sheet_by_col", col_num=1, order="asc")


def test_cells_are_found_by_whole_value_or_expression(kit: SheetToolkit) -> None:
    assert call(kit, "filter_cells", query="Kiel") == ["B2", "B4"]
    assert call(kit, "filter_cells", query="Kiel", in_row=4) == ["B4"]
    assert call(kit, "filter_cells", query="Kie") == []
    assert call(kit, "filter_cells", query=19, in_column="3") == ["C3"]
    assert call(kit, "filter_cells", query="re.compile('^(Owls|Moles)$')") == ["A2", "A5"]
    assert call(kit, "filter_cells", query=r"re.compile('1[5-9]|\\d{3,}')", in_column=3) == ["C3", "C4"]


@pytest.mark.parametrize(
    "expression",
    [
        *("(a+)+$", "(a|a)*b", "a*a*a*b", "(", "x" * 200, r"(a)\\1", "(?=a)", "a{1,2}{3}", "(a|a)" * 9 + "b"),
        *("a*a*b", ".*.*.*b", "^?a*a*b", "^*a*a*b", "^(x)|a*a*b", "[^b]{1,200}[^b]{1,200}b", r"\\b{9999}b"),
    ],
)
def test_expressions_that_could_take_forever_are_refused(kit: SheetToolkit, expression: str) -> None:
    call(kit, "update_cell", position="A2", value="a" * 400)
    with pytest.raises(Refused, match="expression"):
        call(kit, "filter_cells", query=f"re.compile('{expression}')")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (".*wl.*", ["A2"]),
        ("^O.*l.*$", ["A2"]),
        (".*?wls", ["A2"]),
        ("[|*+(]|[O]w.*", ["A2"]),
        (r"^\\w{3}e{1,2}s$|xx", ["A3", "A5"]),
    ],
)
def test_usual_expressions_are_not_refused(kit: SheetToolkit, expression: str, found: list[str]) -> None:
    assert call(kit, "filter_cells", query=f"re.compile('{expression}')", in_column=1) == found


def test_sheets_are_opened_and_deleted(kit: SheetToolkit) -> None:
    assert call(kit, "open_sheet", name="Empty") == "<Worksheet 'Empty'>"
    assert kit.values() == [] and kit.is_open("Empty")
    call(kit, "del_sheet", name="Empty")
    with pytest.raises(Refused, match="No sheet is open"):
        call(kit, "get_all_values")
    with pytest.raises(Refused, match="only one"):
        call(kit, "del_sheet", name="Teams")
    with pytest.raises(Refused, match="no sheet"):
        call(kit, "open_sheet", name="Empty")


def test_a_note_is_written(kit: SheetToolkit) -> None:
    call(kit, "update_note", position="B2", content="moved to Bonn")
    assert call(kit, "get_note", position="B2") == "moved to Bonn"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("update_cell", {"position": "AA1", "value": 1}),
        ("update_cell", {"position": "A999", "value": 1}),
        ("update_cell", {"position": "A0", "value": 1}),
        ("update_cell", {"position": "A1", "value": "x" * 501}),
        ("update_cell", {"position": "A1", "value": {"a": 1}}),
        ("insert_rows", {"values_list": [["x"]] * 300, "row_idx": 2}),
        ("insert_cols", {"values_list": [["x"]] * 24, "col_idx": 2}),
        ("insert_rows", {"values_list": "x", "row_idx": 2}),
        ("insert_rows", {"values_list": [["x"]], "row_idx": 0}),
        ("sort_sheet_by_col", {"col_num": 99, "order": "asc"}),
        ("sort_sheet_by_col", {"col_num": 1, "order": "up"}),
        ("freeze_data", {"dimension": "cells", "num": 1}),
        ("delete_batch_data", {"dimension": "row", "index_list": [10**9]}),
        ("get_A1_annotation", {"row": 1, "col": 99}),
        ("get_value_by_formula", {"operator": "EXEC", "start_position": "A1", "end_position": "A2"}),
        ("get_value_by_formula", {"operator": "SUM", "position_list": []}),
        ("get_range_values", {"start_position": None, "end_position": "B2"}),
    ],
)
def test_what_a_sheet_can_not_do_is_refused_and_changes_nothing(
    kit: SheetToolkit, tool: str, arguments: dict[str, Any]
) -> None:
    before = kit.values()
    with pytest.raises(Refused):
        kit.call(tool, arguments)
    assert kit.values() == before


def test_a_missing_argument_is_an_error(kit: SheetToolkit) -> None:
    with pytest.raises(ToolError, match="order"):
        call(kit, "sort_sheet_by_col", col_num=1)


@pytest.mark.parametrize(
    ("number", "number_format", "shown"),
    [
        (12.0, "General", "12"),
        (0.1 + 0.2, "General", "0.3"),
        (1e20, "General", "1e+20"),
        (1234.5, "#,##0.00", "1,234.50"),
        (12.0, "0.0", "12.0"),
        (0.256, "0%", "26%"),
        (3.0, "dd/mm/yyyy", "3"),
    ],
)
def test_numbers_are_shown_in_their_format(number: float, number_format: str, shown: str) -> None:
    assert format_number(number, number_format) == shown


def test_an_empty_grid_has_no_values() -> None:
    assert Grid().values() == [] and Grid([[]]).size() == (0, 0)
