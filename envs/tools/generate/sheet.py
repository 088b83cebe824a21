"""Templates for tasks on a spreadsheet."""

from typing import Any

from envs.tools import a1
from envs.tools.generate.session import Draft, Session, Templates, Unsuitable, goal
from envs.tools.generate.stock import stock
from envs.tools.sheet import SheetToolkit

Rows = list[list[Any]]


def start(rng: Any) -> dict[str, Any]:
    """Draw the sheets of a workbook; the task says which one it is about."""
    return {
        "sheets": [
            {"name": "Stock", "values": _stock(rng)},
            {"name": "Marks", **_marks(rng)},
            {"name": "Jobs", "values": _jobs(rng)},
            {"name": "Sales", "values": _sales(rng)},
            {"name": "Gaps", "values": _gaps(rng)},
        ],
        "opened": "Stock",
    }


def _stock(rng: Any) -> Rows:
    products = rng.sample(stock()["sheet"]["products"], rng.randint(8, 12))
    quantities = rng.sample(range(5, 250), len(products))
    ratings = rng.sample(range(25, 50), len(products))
    return [
        ["Product", "Category", "Price", "Quantity", "Rating"],
        *(
            [name, category, rng.randint(3, 99) / 4, float(quantity), rating / 10]
            for (name, category), quantity, rating in zip(products, quantities, ratings, strict=True)
        ),
    ]


def _marks(rng: Any) -> dict[str, Any]:
    names = rng.sample(stock()["sheet"]["names"], rng.randint(8, 12))
    subjects = rng.sample(stock()["sheet"]["subjects"], 3)
    columns = [rng.sample(range(41, 100), len(names)) for _ in subjects]
    noted = rng.sample(range(len(names)), 3)
    notes = {
        a1.name(row + 1, 0): f"{rng.choice(subjects)} corrected to {rng.randint(30, 40)}"
        for row in sorted(noted)
    }
    marks = [[float(column[row]) for column in columns] for row in range(len(names))]
    rows = [[name, *own, None, None] for name, own in zip(names, marks, strict=True)]
    return {"values": [["Name", *subjects, "Total", "Average"], *rows], "notes": notes}


def _jobs(rng: Any) -> Rows:
    lists = stock()["sheet"]
    tasks = rng.sample(lists["tasks"], rng.randint(9, 13))
    return [
        ["Job", "Team", "Status", "Hours"],
        *(
            [task, rng.choice(lists["teams"]), rng.choice(lists["statuses"]), float(hours)]
            for task, hours in zip(tasks, rng.sample(range(1, 60), len(tasks)), strict=True)
        ),
    ]


def _sales(rng: Any) -> Rows:
    products = rng.sample(stock()["sheet"]["products"], rng.randint(7, 10))
    return [
        ["Product", "Store", "Price", "Sold", "Profit"],
        *(
            [
                name,
                rng.choice(stock()["sheet"]["stores"]),
                rng.randint(4, 60) / 4,
                float(rng.randint(2, 90)),
                None,
            ]
            for name, _ in products
        ),
    ]


def _gaps(rng: Any) -> Rows:
    products = rng.sample(stock()["sheet"]["products"], 9)
    rows: Rows = [["Product", None, "Quantity"]]
    rows += [[category, name, float(rng.randint(1, 90))] for name, category in products]
    for place in sorted(rng.sample(range(2, 9), 2), reverse=True):
        rows.insert(place, [None] * 3)
    empty = rng.randint(0, 2)
    for row in rows:
        row.insert(empty, None)
    return rows


def _sort(session: Session) -> Draft:
    sheet, column = session.rng.choice([("Stock", "Quantity"), ("Stock", "Rating"), ("Jobs", "Hours")])
    values = _open(session, sheet)
    order, words = session.rng.choice([("des", "highest first"), ("asc", "lowest first")])
    _sort_by(session, values, column, order)
    return Draft(goal("sheet", "sort", session.rng, sheet=sheet, column=column, order=words))


def _update(session: Session) -> Draft:
    values = _open(session, "Stock")
    column = values[0].index("Quantity")
    rows = sorted(session.rng.sample(range(1, len(values)), 4))
    changes = {values[row][0]: session.rng.randint(300, 900) for row in rows}
    for row in rows:
        session("update_cell", position=a1.name(row, column), value=changes[values[row][0]])
    listed = ", ".join(f"{name} {quantity}" for name, quantity in changes.items())
    return Draft(goal("sheet", "update", session.rng, sheet="Stock", column="Quantity", changes=listed))


def _delete_status(session: Session) -> Draft:
    values = _open(session, "Jobs")
    status = session.rng.choice(stock()["sheet"]["statuses"])
    rows = [int(name[1:]) for name in session("filter_cells", query=status, in_column=3)]
    if not 2 <= len(rows) <= len(values) - 4:
        raise Unsuitable
    session("delete_batch_data", dimension="row", index_list=rows)
    return Draft(goal("sheet", "delete_status", session.rng, sheet="Jobs", status=status))


def _insert(session: Session) -> Draft:
    values = _open(session, "Marks")
    spare = sorted(set(stock()["sheet"]["names"]) - {row[0] for row in values})
    rows = [[name, *(session.rng.randint(41, 99) for _ in range(3))] for name in session.rng.sample(spare, 2)]
    session("insert_rows", values_list=rows, row_idx=2)
    _sort_by(session, values, "Name", "asc")
    listed = " and ".join(", ".join(map(str, row)) for row in rows)
    return Draft(goal("sheet", "insert", session.rng, sheet="Marks", rows=listed))


def _totals(session: Session) -> Draft:
    values = _open(session, "Marks")
    for row in range(1, len(values)):
        marks = {"start_position": a1.name(row, 1), "end_position": a1.name(row, 3)}
        for operator, column in (("SUM", 4), ("AVERAGE", 5)):
            session(
                "update_cell_by_formula", **marks, result_position=a1.name(row, column), operator=operator
            )
    _sort_by(session, _values(session), "Total", "des")
    return Draft(goal("sheet", "totals", session.rng, sheet="Marks"))


def _notes(session: Session) -> Draft:
    values = _open(session, "Marks")
    names = []
    for row in range(1, len(values)):
        position = a1.name(row, 0)
        if not session.toolkit.call("get_note", {"position": position}):
            continue  # the goal names those with a note
        subject, mark = session("get_note", position=position).split(" corrected to ")
        session("update_cell", position=a1.name(row, values[0].index(subject)), value=int(mark))
        names.append(values[row][0])
    column = session.rng.choice(values[0][1:4])
    _sort_by(session, _values(session), column, "des")
    listed = ", ".join(names)
    return Draft(goal("sheet", "notes", session.rng, sheet="Marks", names=listed, column=column))


def _clean(session: Session) -> Draft:
    values = _open(session, "Gaps")
    rows = [i for i, row in enumerate(values, 1) if not any(row)]
    columns = [i for i, column in enumerate(zip(*values, strict=True), 1) if not any(column)]
    session("delete_batch_data", dimension="row", index_list=rows)
    session("delete_batch_data", dimension="col", index_list=columns)
    session("merge_cells", start_position="A1", end_position="B1")
    return Draft(goal("sheet", "clean", session.rng, sheet="Gaps"))


def _profit(session: Session) -> Draft:
    values = _open(session, "Sales")
    for row in range(1, len(values)):
        factors = {"start_position": a1.name(row, 2), "end_position": a1.name(row, 3)}
        session("update_cell_by_formula", **factors, result_position=a1.name(row, 4), operator="PRODUCT")
    store = session.rng.choice(stock()["sheet"]["stores"])
    rows = [int(name[1:]) for name in session("filter_cells", query=store, in_column=2)]
    if not 2 <= len(rows) <= len(values) - 4:
        raise Unsuitable
    session("delete_batch_data", dimension="row", index_list=rows)
    _sort_by(session, _values(session), "Profit", "des")
    return Draft(goal("sheet", "profit", session.rng, sheet="Sales", store=store))


def _rank(session: Session) -> Draft:
    values = _open(session, "Marks")
    column = session.rng.choice(values[0][1:4])
    _sort_by(session, values, column, "des")
    ranks: list[Any] = ["Rank", *range(1, len(values))]
    session("insert_cols", values_list=[ranks], col_idx=1)
    return Draft(goal("sheet", "rank", session.rng, sheet="Marks", column=column))


def _above(session: Session) -> Draft:
    values = _open(session, "Marks")
    place = session.rng.randint(1, 3)
    limit = session.rng.randint(55, 80)
    rows = [i for i, row in enumerate(values, 1) if i > 1 and float(row[place]) < limit]
    if not 3 <= len(rows) <= len(values) - 4:
        raise Unsuitable
    session("delete_batch_data", dimension="row", index_list=rows)
    left = len(values) - len(rows)
    span = {"start_position": a1.name(1, place), "end_position": a1.name(left - 1, place)}
    session("update_cell_by_formula", **span, result_position="H1", operator="COUNT")
    text = goal("sheet", "above", session.rng, sheet="Marks", limit=limit, column=values[0][place], cell="H1")
    return Draft(text)


TEMPLATES: Templates = {
    "easy": (_sort, _update, _delete_status, _insert, _rank),
    "hard": (_totals, _notes, _clean, _profit, _above),
}
TOOLKIT = SheetToolkit


def _open(session: Session, name: str) -> list[list[str]]:
    # the episode begins with the sheet open: AgentBoard opens it before the agent's first turn
    session.toolkit.call("open_sheet", {"name": name})
    return _values(session)


def _values(session: Session) -> list[list[str]]:
    values: list[list[str]] = session.toolkit.call("get_all_values", {})
    return values


def _sort_by(session: Session, values: list[list[str]], column: str, order: str) -> None:
    place = values[0].index(column)
    cells = [row[place] for row in _values(session)[1:]]
    if len(set(cells)) < len(cells):
        raise Unsuitable  # rows that tie have no one order
    session("freeze_data", dimension="rows", num=1)
    session("sort_sheet_by_col", col_num=place + 1, order=order)
