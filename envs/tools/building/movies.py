"""Invented movies and the people who made them."""

import json
import random
import sqlite3
from datetime import date, timedelta

from envs.tools.building.words import people_names, words

MOVIES = 700
PEOPLE = 1200

SCHEMA = """
CREATE TABLE person (
    id INTEGER PRIMARY KEY, name TEXT, folded TEXT, biography TEXT, birthday TEXT, place_of_birth TEXT,
    imdb_id TEXT, facebook_id TEXT, instagram_id TEXT, twitter_id TEXT
);
CREATE TABLE movie (
    id INTEGER PRIMARY KEY, title TEXT, folded TEXT, overview TEXT, budget INTEGER, revenue INTEGER,
    vote_average REAL, release_date TEXT, genres TEXT, companies TEXT, countries TEXT, keywords TEXT,
    titles TEXT, translations TEXT
);
CREATE TABLE cast_member (movie INTEGER, place INTEGER, person INTEGER, character TEXT);
CREATE TABLE crew_member (movie INTEGER, place INTEGER, person INTEGER, job TEXT);
CREATE INDEX cast_movie ON cast_member (movie, place);
CREATE INDEX cast_person ON cast_member (person, movie);
CREATE INDEX crew_movie ON crew_member (movie, place);
CREATE INDEX crew_person ON crew_member (person, movie);
CREATE INDEX person_folded ON person (folded);
CREATE INDEX movie_folded ON movie (folded);
"""

_LANGUAGES = (
    ("NL", "nl", "Nederlands", "Dutch"),
    ("CN", "zh", "普通话", "Mandarin"),
    ("US", "en", "English", "English"),
    ("DE", "de", "Deutsch", "German"),
)


def build(connection: sqlite3.Connection, rng: random.Random, taken: set[str]) -> None:
    """Fill the tables of the movie world; it needs the table `city`."""
    connection.executescript(SCHEMA)
    people = _build_people(connection, rng, taken)
    companies = _companies(rng)
    titles = _titles(rng)
    directors, actors = people[: PEOPLE // 6], people[PEOPLE // 12 :]
    for movie, title in zip(sorted(rng.sample(range(1_000, 1_000_000), MOVIES)), titles, strict=True):
        _insert_movie(connection, rng, movie, title, companies)
        _insert_cast(connection, rng, movie, rng.sample(actors, rng.randint(4, 12)))
        _insert_crew(connection, rng, movie, rng.sample(directors, 3), rng.sample(people, 6))


def _build_people(connection: sqlite3.Connection, rng: random.Random, taken: set[str]) -> list[int]:
    cities = connection.execute(
        "SELECT name, country FROM city ORDER BY population DESC LIMIT 400"
    ).fetchall()
    identifiers = rng.sample(range(1_000, 4_000_000), PEOPLE)
    for person, name in zip(identifiers, people_names(rng, PEOPLE, taken), strict=True):
        born = date(1935, 1, 1) + timedelta(days=rng.randrange(70 * 365))
        city, country = rng.choice(cities)
        handle = name.lower().replace(" ", rng.choice(("", "_", ".")))
        connection.execute(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                person,
                name,
                name.casefold(),
                f"{name} grew up in {city} and has worked in film since {born.year + rng.randint(18, 30)}.",
                born.isoformat(),
                f"{city}, {country}",
                f"nm{rng.randrange(10_000_000):07d}",
                handle + "official" if rng.random() < 0.6 else None,
                handle if rng.random() < 0.8 else None,
                handle[:14] if rng.random() < 0.7 else None,
            ),
        )
    return identifiers


def _companies(rng: random.Random) -> list[tuple[int, str, str]]:
    lists = words()["movies"]
    names = [f"{name} {rng.choice(lists['company_kinds'])}" for name in lists["company_names"]]
    countries = [code for code, _ in lists["countries"]]
    return [(number, name, rng.choice(countries)) for number, name in enumerate(names, 101)]


def _titles(rng: random.Random) -> list[str]:
    lists = words()["movies"]
    titles: dict[str, None] = {}
    while len(titles) < MOVIES:
        title = rng.choice(lists["patterns"]).format(
            adjective=rng.choice(lists["adjectives"]),
            noun=rng.choice(lists["nouns"]),
            place=rng.choice(lists["places"]),
        )
        if title.startswith("A ") and title[2] in "AEIOU":
            title = "An" + title[1:]
        titles[title] = None
    return list(titles)


def _insert_movie(
    connection: sqlite3.Connection,
    rng: random.Random,
    movie: int,
    title: str,
    companies: list[tuple[int, str, str]],
) -> None:
    lists = words()["movies"]
    budget = rng.randint(2, 240) * 500_000
    released = date(1975, 1, 1) + timedelta(days=rng.randrange(49 * 365))
    overviews = _overviews(rng)
    others = rng.sample(lists["countries"], rng.randint(1, 4))
    connection.execute(
        "INSERT INTO movie VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            movie,
            title,
            title.casefold(),
            overviews["en"],
            budget,
            int(budget * rng.lognormvariate(0.3, 0.8)),
            round(rng.uniform(3.5, 9.0), 3),
            released.isoformat(),
            _json(
                [
                    {"id": number, "name": name}
                    for name, number in rng.sample(lists["genres"], rng.randint(1, 3))
                ]
            ),
            _json(
                [
                    {"id": number, "logo_path": None, "name": name, "origin_country": country}
                    for number, name, country in rng.sample(companies, rng.randint(1, 3))
                ]
            ),
            _json(
                [
                    {"iso_3166_1": code, "name": name}
                    for code, name in rng.sample(lists["countries"], rng.choice((1, 1, 1, 2)))
                ]
            ),
            _json(rng.sample(lists["keywords"], rng.randint(2, 6))),
            _json(
                [{"iso_3166_1": code, "title": _other_title(rng, title), "type": ""} for code, _ in others]
            ),
            _json(
                [
                    {
                        "iso_3166_1": country,
                        "iso_639_1": language,
                        "name": name,
                        "english_name": english,
                        "data": {
                            "homepage": "",
                            "overview": overviews[language],
                            "runtime": 0,
                            "tagline": "",
                        },
                    }
                    for country, language, name, english in _LANGUAGES
                ]
            ),
        ),
    )


def _overviews(rng: random.Random) -> dict[str, str]:
    lists = words()["overview"]
    parts = {key: rng.choice(lists[key]) for key in ("who", "what", "why")}
    return {
        language: template.format(**{key: part[language] for key, part in parts.items()})
        for language, template in lists["template"].items()
    }


def _other_title(rng: random.Random, title: str) -> str:
    lists = words()["movies"]
    ending = rng.choice((rng.choice(lists["nouns"]), rng.choice(lists["places"]), "The Movie"))
    return f"{title.removeprefix('The ')}: {ending}"


def _insert_cast(connection: sqlite3.Connection, rng: random.Random, movie: int, actors: list[int]) -> None:
    characters = people_names(rng, len(actors), set())
    for place, (person, character) in enumerate(zip(actors, characters, strict=True)):
        title = rng.choice(words()["movies"]["characters"]) + " " if rng.random() < 0.25 else ""
        connection.execute(
            "INSERT INTO cast_member VALUES (?, ?, ?, ?)", (movie, place, person, title + character)
        )


def _insert_crew(
    connection: sqlite3.Connection, rng: random.Random, movie: int, leads: list[int], others: list[int]
) -> None:
    jobs = rng.sample(words()["movies"]["crew_jobs"], len(others))
    crew = [*zip(others, jobs, strict=True), *zip(leads, ("Director", "Writer", "Producer"), strict=True)]
    if rng.random() < 0.4:
        crew.append((leads[0], "Producer"))
    rng.shuffle(crew)
    for place, (person, job) in enumerate(crew):
        connection.execute("INSERT INTO crew_member VALUES (?, ?, ?, ?)", (movie, place, person, job))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
