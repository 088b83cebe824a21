"""The academia tools, over an invented citation graph and the collaborations behind it.

From AgentBoard (agentboard/utils/academia/academia_tools.py), whose graphs are pickled parts of DBLP. Kept:
a graph must be loaded before it is asked; its results' fields. `n_citation` counts the papers of this world
that cite a paper.
"""

import json
from typing import Any, ClassVar

from envs.tools import world
from envs.tools.toolkit import Refused, Toolkit

PAPERS, AUTHORS = "PaperNet", "AuthorNet"


class AcademiaToolkit(Toolkit):
    """Papers and authors; the state of an episode is which graphs are loaded."""

    subset: ClassVar[str] = "academia"

    def __init__(self) -> None:
        self._loaded: set[str] = set()

    def loadPaperNet(self) -> str:  # noqa: N802 - the tool's published name, as those below
        """Load the citation graph."""
        self._loaded.add(PAPERS)
        return "PaperNet is loaded."

    def loadAuthorNet(self) -> str:  # noqa: N802
        """Load the collaboration graph."""
        self._loaded.add(AUTHORS)
        return "AuthorNet is loaded."

    def neighbourCheck(self, graph: Any, node: Any) -> list[str]:  # noqa: N802
        """Return the titles that a paper cites, or the names of an author's co-authors."""
        if graph == PAPERS:
            cited = world.rows(
                "SELECT title FROM cites JOIN paper ON cited = paper.id WHERE paper = ? ORDER BY cited",
                self._paper(node),
            )
            return [title for (title,) in cited]
        if graph == AUTHORS:
            author = self._author(node)
            partners = world.rows(
                "SELECT DISTINCT name FROM wrote AS mine JOIN wrote AS theirs ON mine.paper = theirs.paper "
                "JOIN author ON theirs.author = author.id "
                "WHERE mine.author = ?1 AND theirs.author != ?1 ORDER BY author.id",
                author,
            )
            return [name for (name,) in partners]
        raise Refused(f"There is no graph {str(graph)[:40]!r}: choose {PAPERS} or {AUTHORS}.")

    def paperNodeCheck(self, node: Any) -> dict[str, Any]:  # noqa: N802
        """Return what is known of a paper."""
        paper = self._paper(node)
        authors = world.rows(
            "SELECT name FROM wrote JOIN author ON author = author.id WHERE paper = ? ORDER BY place", paper
        )
        found = world.row(
            "SELECT year, venue, (SELECT count(*) FROM cites WHERE cited = ?1), keywords, doc_type "
            "FROM paper WHERE id = ?1",
            paper,
        )
        assert found is not None
        year, venue, citations, keywords, kind = found
        return {
            "authors": [name for (name,) in authors],
            "year": year,
            "venue": venue,
            "n_citation": citations,
            "keywords": json.loads(keywords),
            "doc_type": kind,
        }

    def authorNodeCheck(self, node: Any) -> dict[str, Any]:  # noqa: N802
        """Return what is known of an author."""
        found = world.row("SELECT name, org FROM author WHERE id = ?", self._author(node))
        assert found is not None
        return dict(zip(("name", "org"), found, strict=True))

    def authorEdgeCheck(self, node1: Any, node2: Any) -> dict[str, Any]:  # noqa: N802
        """Return the papers that two authors wrote together."""
        first, second = self._author(node1), self._author(node2)
        papers = world.rows(
            "SELECT title FROM wrote AS mine JOIN wrote AS theirs ON mine.paper = theirs.paper "
            "JOIN paper ON mine.paper = paper.id WHERE mine.author = ? AND theirs.author = ? "
            "ORDER BY paper.id",
            first,
            second,
        )
        if not papers or first == second:
            raise Refused(f"There is no edge between {_short(node1)} and {_short(node2)}.")
        return {"collaborative_papers": [title for (title,) in papers]}

    def paperEdgeCheck(self, node1: Any, node2: Any) -> dict[str, Any]:  # noqa: N802
        """Return the empty description of a citation, where there is one."""
        first, second = self._paper(node1), self._paper(node2)
        if world.row("SELECT 1 FROM cites WHERE paper = ? AND cited = ?", first, second) is None:
            raise Refused(f"There is no edge between {_short(node1)} and {_short(node2)}.")
        return {}

    def _paper(self, title: Any) -> int:
        return self._node(PAPERS, "SELECT id FROM paper WHERE title = ?", title)

    def _author(self, name: Any) -> int:
        return self._node(AUTHORS, "SELECT id FROM author WHERE name = ?", name)

    def _node(self, graph: str, query: str, name: Any) -> int:
        if graph not in self._loaded:
            raise Refused(f"Please load the {graph} first.")
        found = world.row(query, str(name))
        if found is None:
            raise Refused(f"There is no node named {_short(name)} in the {graph}.")
        return int(found[0])


def _short(name: Any) -> str:
    return str(name)[:200]
