"""Invented papers, who wrote them, and what they cite."""

import json
import random
import sqlite3

from envs.tools.building.words import people_names, words

PAPERS = 2400
AUTHORS = 1100
FIRST_YEAR, LAST_YEAR = 2012, 2023
GROUP_SIZE = 9
"""Authors mostly write with their group, so that collaborations repeat."""

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT UNIQUE, org TEXT);
CREATE TABLE paper (
    id INTEGER PRIMARY KEY, title TEXT UNIQUE, year INTEGER, venue TEXT, keywords TEXT, doc_type TEXT
);
CREATE TABLE wrote (paper INTEGER, place INTEGER, author INTEGER);
CREATE TABLE cites (paper INTEGER, cited INTEGER, PRIMARY KEY (paper, cited)) WITHOUT ROWID;
CREATE INDEX wrote_paper ON wrote (paper, place);
CREATE INDEX wrote_author ON wrote (author, paper);
CREATE INDEX cites_cited ON cites (cited);
"""


def build(connection: sqlite3.Connection, rng: random.Random, taken: set[str]) -> None:
    """Fill the tables of the citation and collaboration graphs."""
    connection.executescript(SCHEMA)
    lists = words()["papers"]
    orgs = [kind.format(place=place) for place in lists["org_places"] for kind in lists["org_kinds"]]
    rng.shuffle(orgs)
    for number, name in enumerate(people_names(rng, AUTHORS, taken)):
        # a group shares an organisation, but for a visitor or two
        org = orgs[number // GROUP_SIZE % len(orgs)] if rng.random() < 0.75 else rng.choice(orgs)
        connection.execute("INSERT INTO author VALUES (?, ?, ?)", (number, name, org))
    for paper, title in enumerate(_titles(rng)):
        _insert_paper(connection, rng, paper, title)


def _titles(rng: random.Random) -> list[str]:
    lists = words()["papers"]
    titles: dict[str, None] = {}
    while len(titles) < PAPERS:
        opening, method = rng.choice(lists["openings"]), rng.choice(lists["methods"])
        titles[f"{opening} {method} for {rng.choice(lists['problems'])}"] = None
    return list(titles)


def _insert_paper(connection: sqlite3.Connection, rng: random.Random, paper: int, title: str) -> None:
    lists = words()["papers"]
    # papers are numbered by year, so that a paper only cites lower numbers
    year = FIRST_YEAR + paper * (LAST_YEAR - FIRST_YEAR + 1) // PAPERS
    venue = rng.choice(lists["venues"])
    in_journal = venue.split()[0] in ("Annals", "Computing", "Journal", "Transactions")
    keywords = json.dumps(rng.sample(lists["keywords"], rng.randint(2, 5)))
    connection.execute(
        "INSERT INTO paper VALUES (?, ?, ?, ?, ?, ?)",
        (paper, title, year, venue, keywords, "Journal" if in_journal else "Conference"),
    )
    for place, author in enumerate(_authors(rng)):
        connection.execute("INSERT INTO wrote VALUES (?, ?, ?)", (paper, place, author))
    for cited in _cited(rng, paper):
        connection.execute("INSERT INTO cites VALUES (?, ?)", (paper, cited))


def _authors(rng: random.Random) -> list[int]:
    group = rng.randrange(AUTHORS // GROUP_SIZE) * GROUP_SIZE
    members = rng.sample(range(group, group + GROUP_SIZE), rng.randint(1, 4))
    guest = rng.randrange(AUTHORS)
    return [*members, guest] if rng.random() < 0.3 and guest not in members else members


def _cited(rng: random.Random, paper: int) -> set[int]:
    if paper == 0:
        return set()
    # older papers are cited more: a draw towards low numbers gives the few that everyone cites
    draws = [int(paper * rng.random() ** rng.choice((1, 1, 2))) for _ in range(rng.randint(0, 8))]
    return set(draws)
