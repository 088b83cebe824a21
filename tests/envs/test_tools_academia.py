"""The academia tools: graphs are loaded first, and agree with each other."""

import pytest

from envs.tools import world
from envs.tools.academia import AcademiaToolkit
from envs.tools.toolkit import Refused

PAPER, CITED = world.row(
    "SELECT a.title, b.title FROM cites JOIN paper AS a ON paper = a.id JOIN paper AS b ON cited = b.id"
) or ("", "")


@pytest.fixture
def kit() -> AcademiaToolkit:
    kit = AcademiaToolkit()
    assert kit.call("loadPaperNet", {}) == "PaperNet is loaded."
    assert kit.call("loadAuthorNet", {}) == "AuthorNet is loaded."
    return kit


def test_the_world_has_enough_papers_authors_and_edges() -> None:
    counts = [
        (world.row(f"SELECT count(*) FROM {table}") or (0,))[0]
        for table in ("paper", "author", "cites", "wrote")
    ]
    assert counts[0] >= 2000 and min(counts) >= 1000


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("paperNodeCheck", {"node": PAPER}),
        ("authorNodeCheck", {"node": "x"}),
        ("neighbourCheck", {"graph": "PaperNet", "node": PAPER}),
        ("neighbourCheck", {"graph": "AuthorNet", "node": "x"}),
        ("paperEdgeCheck", {"node1": PAPER, "node2": CITED}),
        ("authorEdgeCheck", {"node1": "x", "node2": "y"}),
    ],
)
def test_a_graph_that_is_not_loaded_answers_nothing(tool: str, arguments: dict[str, str]) -> None:
    with pytest.raises(Refused, match="Please load"):
        AcademiaToolkit().call(tool, arguments)


def test_a_paper_its_citations_and_its_authors_agree(kit: AcademiaToolkit) -> None:
    paper = kit.call("paperNodeCheck", {"node": CITED})
    assert list(paper) == ["authors", "year", "venue", "n_citation", "keywords", "doc_type"]
    cited = kit.call("neighbourCheck", {"graph": "PaperNet", "node": PAPER})
    assert CITED in cited
    assert kit.call("paperEdgeCheck", {"node1": PAPER, "node2": CITED}) == {}
    citing = world.rows("SELECT paper FROM cites JOIN paper ON cited = paper.id WHERE title = ?", CITED)
    assert paper["n_citation"] == len(citing) > 0
    assert kit.call("paperNodeCheck", {"node": PAPER})["year"] >= paper["year"]


def test_collaborations_go_both_ways_and_name_their_papers(kit: AcademiaToolkit) -> None:
    (title,) = world.row("SELECT title FROM paper JOIN wrote ON id = paper WHERE place = 1 ORDER BY id") or (
        "",
    )
    first, second, *_ = kit.call("paperNodeCheck", {"node": title})["authors"]
    assert second in kit.call("neighbourCheck", {"graph": "AuthorNet", "node": first})
    assert first in kit.call("neighbourCheck", {"graph": "AuthorNet", "node": second})
    edge = kit.call("authorEdgeCheck", {"node1": first, "node2": second})
    assert title in edge["collaborative_papers"]
    assert edge == kit.call("authorEdgeCheck", {"node1": second, "node2": first})
    assert kit.call("authorNodeCheck", {"node": first})["name"] == first


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("paperNodeCheck", {"node": "On Nothing"}),
        ("authorNodeCheck", {"node": ["x"]}),
        ("neighbourCheck", {"graph": "DBLP", "node": PAPER}),
        ("neighbourCheck", {"graph": "AuthorNet", "node": PAPER}),
        ("paperEdgeCheck", {"node1": CITED, "node2": PAPER}),
        ("authorEdgeCheck", {"node1": "x", "node2": "y"}),
    ],
)
def test_what_is_not_in_the_graph_is_refused(
    kit: AcademiaToolkit, tool: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(Refused, match="There is no"):
        kit.call(tool, arguments)


def test_nobody_collaborates_with_themselves(kit: AcademiaToolkit) -> None:
    name = kit.call("paperNodeCheck", {"node": PAPER})["authors"][0]
    with pytest.raises(Refused):
        kit.call("authorEdgeCheck", {"node1": name, "node2": name})
