"""Graphs as rails: the drawing can be read back, and says the same."""

from hypothesis import given
from hypothesis import strategies as st

from tui.views.rails import Edge, rails

NODES = 8


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    count = draw(st.integers(1, NODES))
    ends = st.integers(-1, count)
    return count, draw(st.lists(st.tuples(ends, ends), max_size=20))


def read_back(lines: list[tuple[str, int | None]]) -> list[Edge]:
    """Follow the rails down, as an eye does."""
    edges: list[Edge] = []
    carried: dict[int, list[int]] = {}  # column -> the nodes from which something comes down there
    for rail, node in lines:
        signs = {column: rail[2 * column] for column in range((len(rail) + 1) // 2)}
        if node is not None:
            (own,) = [column for column, sign in signs.items() if sign == "●"]
            edges += [(tail, node) for tail in carried.get(own, [])]
            carried = {column: carried[column] for column, sign in signs.items() if sign == "│"} | {
                own: [node]
            }
            continue
        if "├" not in signs.values():  # something ends above it
            carried = {column: carried[column] for column, sign in signs.items() if sign == "│"}
            continue
        (own,) = [column for column, sign in signs.items() if sign == "├"]
        for column, sign in signs.items():
            if sign in "╯┴":
                carried[own] = carried[own] + carried.pop(column)
            elif sign in "╮┬":
                carried[column] = carried[own]
            elif sign in "│┼":
                assert column in carried
    return edges


@given(graphs())
def test_each_edge_is_drawn_once_or_told_apart(graph: tuple[int, list[Edge]]):
    count, edges = graph
    lines, apart = rails(count, edges)
    drawn = read_back(lines)
    assert sorted(drawn + apart) == sorted(set(edges))


@given(graphs())
def test_each_node_has_a_line_below_those_before_it(graph: tuple[int, list[Edge]]):
    lines, _ = rails(*graph)
    order = [node for _, node in lines if node is not None]
    assert sorted(order) == list(range(graph[0]))
    assert all(order.index(tail) < order.index(head) for tail, head in read_back(lines))


@given(st.integers(1, NODES), st.data())
def test_an_acyclic_graph_is_drawn_whole(count: int, data: st.DataObject):
    pairs = [(tail, head) for tail in range(count) for head in range(tail + 1, count)]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    lines, apart = rails(count, edges)
    assert apart == []
    assert sorted(read_back(lines)) == sorted(edges)


def test_branches_part_and_meet():
    lines, _ = rails(5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])
    assert [rail for rail, _ in lines] == ["●", "├─┬─╮", "● │ │", "│ ● │", "│ │ ●", "├─┴─╯", "●"]


def test_a_circle_is_drawn_downwards_and_what_leads_back_is_told_apart():
    lines, apart = rails(3, [(0, 1), (1, 2), (2, 1), (2, 2), (2, 7)])
    assert [node for _, node in lines] == [0, 1, 2]
    assert apart == [(2, 1), (2, 2), (2, 7)]
