"""What the page's sections are built of: lists, tables, folds."""

from collections.abc import Iterable, Sequence

from arena.report.markup import Html, element, joined


def bullets(lines: Iterable[str]) -> Html | None:
    """Return lines as a list."""
    items = [element("li", line) for line in lines]
    return element("ul", items) if items else None


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Html | None]]) -> Html:
    """Return a table that scrolls by itself; a column whose name begins with `>` is right-aligned."""
    right = ["n" if column.startswith(">") else None for column in columns]
    head = [
        element("th", name.removeprefix(">"), scope="col", class_=side)
        for name, side in zip(columns, right, strict=True)
    ]
    body = []
    for first, *rest in rows:
        cells = [element("td", cell, class_=side) for cell, side in zip(rest, right[1:], strict=True)]
        who = element("span", first if isinstance(first, Html) else _name(first or ""), class_="who")
        body.append(element("tr", element("th", who, scope="row"), cells))
    return scrolled(element("table", element("thead", element("tr", head)), element("tbody", body)))


def _name(text: str) -> Html:
    """Return a name that breaks after its model, where there is no room for both model and recipe."""
    model, plus, recipe = text.partition("+")
    return element("span", model, plus, element("wbr"), recipe) if recipe else joined(text)


def folded(summary: str, *children: Html) -> Html:
    """Return what is shown when its summary is clicked."""
    return element("details", element("summary", summary), children)


def scrolled(child: Html) -> Html:
    """Return what may be wider than the screen, scrolling by itself."""
    return element("div", child, class_="scroll", tabindex="0")
