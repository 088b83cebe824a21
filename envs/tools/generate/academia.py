"""Templates for questions about papers and authors."""

from typing import Any

from envs.tools import world
from envs.tools.academia import AUTHORS, PAPERS, AcademiaToolkit
from envs.tools.generate.session import Draft, Session, Templates, Unsuitable, best, goal


def start(rng: Any) -> dict[str, Any]:
    """Return what an episode starts from: nothing, no graph is loaded."""
    return {}


def _year(session: Session) -> Draft:
    paper = _paper(session)
    return Draft(goal("academia", "year", session.rng, paper=paper), _check(session, paper)["year"])


def _authors(session: Session) -> Draft:
    paper = _paper(session)
    return Draft(
        goal("academia", "authors", session.rng, paper=paper), sorted(_check(session, paper)["authors"])
    )


def _org(session: Session) -> Draft:
    author = _author(session)
    session("loadAuthorNet")
    answer = session("authorNodeCheck", node=author)["org"]
    return Draft(goal("academia", "org", session.rng, author=author), answer)


def _references(session: Session) -> Draft:
    paper = _paper(session)
    session("loadPaperNet")
    answer = len(session("neighbourCheck", graph=PAPERS, node=paper))
    return Draft(goal("academia", "references", session.rng, paper=paper), answer)


def _together(session: Session) -> Draft:
    first = _author(session)
    second = session.rng.choice(_partners(first))
    session("loadAuthorNet")
    answer = len(session("authorEdgeCheck", node1=first, node2=second)["collaborative_papers"])
    return Draft(goal("academia", "together", session.rng, first=first, second=second), answer)


def _earlier(session: Session) -> Draft:
    first, second = _paper(session), _paper(session)
    years = {paper: -_check(session, paper)["year"] for paper in (first, second)}
    return Draft(goal("academia", "earlier", session.rng, first=first, second=second), best(years))


def _more_cited(session: Session) -> Draft:
    first, second = _paper(session), _paper(session)
    counts = {paper: _check(session, paper)["n_citation"] for paper in (first, second)}
    return Draft(goal("academia", "more_cited", session.rng, first=first, second=second), best(counts))


def _same_venue(session: Session) -> Draft:
    first = _paper(session)
    venue = _check(session, first)["venue"]
    alike = world.rows(
        "SELECT title FROM paper WHERE (venue = ?1) = ?2 AND title != ?3 ORDER BY id",
        venue,
        session.rng.random() < 0.5,
        first,
    )
    second = session.rng.choice(alike)[0]
    answer = "Yes" if _check(session, second)["venue"] == venue else "No"
    return Draft(goal("academia", "same_venue", session.rng, first=first, second=second), answer)


def _most_cited(session: Session) -> Draft:
    paper = _paper(session)
    session("loadPaperNet")
    cited = session("neighbourCheck", graph=PAPERS, node=paper)
    if not 2 <= len(cited) <= 5:
        raise Unsuitable
    counts = {title: session("paperNodeCheck", node=title)["n_citation"] for title in cited}
    return Draft(goal("academia", "most_cited", session.rng, paper=paper), best(counts))


def _colleagues(session: Session) -> Draft:
    author = _author(session)
    partners = _neighbours(session, author)
    orgs = {name: session("authorNodeCheck", node=name)["org"] for name in (author, *partners)}
    same = sorted(name for name in partners if orgs[name] == orgs[author])
    if not same or len(same) == len(partners):
        raise Unsuitable
    return Draft(goal("academia", "colleagues", session.rng, author=author), same)


def _mutual(session: Session) -> Draft:
    first = _author(session)
    second = session.rng.choice(_partners(first))
    session("loadAuthorNet")
    both = [set(session("neighbourCheck", graph=AUTHORS, node=name)) for name in (first, second)]
    words = goal("academia", "mutual", session.rng, first=first, second=second)
    return Draft(words, len(both[0] & both[1]))


def _closest(session: Session) -> Draft:
    author = _author(session)
    counts = {
        name: len(session("authorEdgeCheck", node1=author, node2=name)["collaborative_papers"])
        for name in _neighbours(session, author)
    }
    return Draft(goal("academia", "closest", session.rng, author=author), best(counts))


def _organisations(session: Session) -> Draft:
    paper = _paper(session)
    authors = _check(session, paper)["authors"]
    session("loadAuthorNet")
    orgs = {session("authorNodeCheck", node=name)["org"] for name in authors}
    if len(orgs) < 2:
        raise Unsuitable
    return Draft(goal("academia", "organisations", session.rng, paper=paper), sorted(orgs))


TEMPLATES: Templates = {
    "easy": (_year, _authors, _org, _references, _together, _earlier, _same_venue, _more_cited),
    "hard": (_most_cited, _colleagues, _mutual, _closest, _organisations),
}
TOOLKIT = AcademiaToolkit


def _paper(session: Session) -> str:
    return str(session.rng.choice(world.rows("SELECT title FROM paper ORDER BY id"))[0])


def _author(session: Session) -> str:
    writing = world.rows("SELECT DISTINCT name FROM author JOIN wrote ON author.id = author ORDER BY name")
    return str(session.rng.choice(writing)[0])


def _partners(author: str) -> list[str]:
    toolkit = AcademiaToolkit()
    toolkit.loadAuthorNet()
    partners = toolkit.neighbourCheck(AUTHORS, author)
    if not partners:
        raise Unsuitable
    return partners


def _check(session: Session, paper: str) -> dict[str, Any]:
    if not any(call.name == "loadPaperNet" for call in session.calls):
        session("loadPaperNet")
    found: dict[str, Any] = session("paperNodeCheck", node=paper)
    return found


def _neighbours(session: Session, author: str) -> list[str]:
    session("loadAuthorNet")
    partners: list[str] = session("neighbourCheck", graph=AUTHORS, node=author)
    if not 2 <= len(partners) <= 7:
        raise Unsuitable
    return partners
