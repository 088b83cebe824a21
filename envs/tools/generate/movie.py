"""Templates for questions about movies."""

from typing import Any

from envs.tools import world
from envs.tools.building.words import words
from envs.tools.generate.session import Draft, Session, Templates, Unsuitable, best, goal, only
from envs.tools.movie import MovieToolkit

_LANGUAGES = {"NL": "Dutch", "DE": "German"}


def start(rng: Any) -> dict[str, Any]:
    """Return what an episode starts from: nothing, the film world is the same for all."""
    return {}


def _release(session: Session) -> Draft:
    movie = _title(session)
    answer = session("get_movie_details", movie_id=_find(session, movie))["release_date"]
    return Draft(goal("movie", "release", session.rng, movie=movie), answer)


def _budget(session: Session) -> Draft:
    movie = _title(session)
    answer = session("get_movie_details", movie_id=_find(session, movie))["budget"]
    return Draft(goal("movie", "budget", session.rng, movie=movie), answer)


def _birthplace(session: Session) -> Draft:
    person = _name(session)
    answer = session("get_person_details", person_id=_find_person(session, person))["place_of_birth"]
    return Draft(goal("movie", "birthplace", session.rng, person=person), answer)


def _imdb(session: Session) -> Draft:
    person = _name(session)
    answer = session("get_person_external_ids", person_id=_find_person(session, person))["imdb_id"]
    return Draft(goal("movie", "imdb", session.rng, person=person), answer)


def _companies(session: Session) -> Draft:
    movie = _title(session)
    found = session("get_movie_production_companies", movie_id=_find(session, movie))
    names = sorted(company["name"] for company in found["production_companies"])
    return Draft(goal("movie", "companies", session.rng, movie=movie), names)


def _translation(session: Session) -> Draft:
    movie = _title(session)
    code, language = session.rng.choice(sorted(_LANGUAGES.items()))
    found = session("get_movie_translation", movie_id=_find(session, movie))["translations"]
    answer = only([item["data"]["overview"] for item in found if item["iso_3166_1"] == code])
    return Draft(goal("movie", "translation", session.rng, movie=movie, language=language), answer)


def _other_title(session: Session) -> Draft:
    movie = _title(session)
    titles = session("get_movie_alternative_titles", movie_id=_find(session, movie))["titles"]
    chosen = session.rng.choice(titles)
    country = dict(words()["movies"]["countries"])[chosen["iso_3166_1"]]
    text = goal("movie", "other_title", session.rng, movie=movie, country=country)
    return Draft(text, chosen["title"])


def _director_birthplace(session: Session) -> Draft:
    movie = _title(session)
    director = _director(session, _find(session, movie))
    answer = session("get_person_details", person_id=director)["place_of_birth"]
    return Draft(goal("movie", "director_birthplace", session.rng, movie=movie), answer)


def _same_director(session: Session) -> Draft:
    first = _title(session)
    by_same = world.rows(
        "SELECT title FROM movie JOIN crew_member ON movie.id = movie "
        "WHERE job = 'Director' AND title != ?1 AND person = (SELECT person FROM crew_member "
        "JOIN movie ON movie.id = movie WHERE job = 'Director' AND title = ?1) ORDER BY movie.id",
        first,
    )
    related = by_same and session.rng.random() < 0.5
    second = session.rng.choice(by_same)[0] if related else _title(session)
    if first == second:
        raise Unsuitable
    directors = [_director(session, _find(session, movie)) for movie in (first, second)]
    text = goal("movie", "same_director", session.rng, first=first, second=second)
    return Draft(text, "Yes" if directors[0] == directors[1] else "No")


def _rating(session: Session) -> Draft:
    details = _two(session)
    answer = best({title: found["vote_average"] for title, found in details.items()})
    first, second = details
    return Draft(goal("movie", "rating", session.rng, first=first, second=second), answer)


def _profit(session: Session) -> Draft:
    details = _two(session)
    answer = best({title: found["revenue"] - found["budget"] for title, found in details.items()})
    first, second = details
    return Draft(goal("movie", "profit", session.rng, first=first, second=second), answer)


def _genre(session: Session) -> Draft:
    details = _two(session)
    genres = [{genre["name"] for genre in found["genres"]} for found in details.values()]
    first, second = details
    text = goal("movie", "genre", session.rng, first=first, second=second)
    return Draft(text, "Yes" if genres[0] & genres[1] else "No")


def _character(session: Session) -> Draft:
    movie = _title(session)
    member = session.rng.choice(session("get_movie_cast", movie_id=_find(session, movie))["cast"])
    text = goal("movie", "character", session.rng, movie=movie, person=member["name"])
    return Draft(text, member["character"])


def _player(session: Session) -> Draft:
    movie = _title(session)
    member = session.rng.choice(session("get_movie_cast", movie_id=_find(session, movie))["cast"])
    answer = session("get_person_details", person_id=str(member["id"]))["place_of_birth"]
    text = goal("movie", "player", session.rng, movie=movie, character=member["character"])
    return Draft(text, answer)


def _first_role(session: Session) -> Draft:
    person = _name(session)
    roles = session("get_person_cast", person_id=_find_person(session, person))["cast"]
    if not 2 <= len(roles) <= 5:
        raise Unsuitable
    dates = {
        role["title"]: session("get_movie_details", movie_id=str(role["id"]))["release_date"]
        for role in roles
    }
    first = min(dates.values())
    answer = only([title for title, released in dates.items() if released == first])
    return Draft(goal("movie", "first_role", session.rng, person=person), answer)


def _keyword(session: Session) -> Draft:
    first, second = _title(session), _title(session)
    sets = [
        set(session("get_movie_keywords", movie_id=_find(session, movie))["keywords"])
        for movie in (first, second)
    ]
    if first == second or not sets[0] & sets[1]:
        raise Unsuitable
    return Draft(goal("movie", "keyword", session.rng, first=first, second=second), sorted(sets[0] & sets[1]))


TEMPLATES: Templates = {
    "easy": (_release, _budget, _birthplace, _imdb, _companies, _translation, _other_title, _character),
    "hard": (_director_birthplace, _same_director, _rating, _profit, _genre, _player, _first_role, _keyword),
}
TOOLKIT = MovieToolkit


def _title(session: Session) -> str:
    return str(session.rng.choice(world.rows("SELECT title FROM movie ORDER BY id"))[0])


def _name(session: Session) -> str:
    # only people who act: all of them have something to ask about
    people = world.rows(
        "SELECT DISTINCT name FROM person JOIN cast_member ON person.id = person ORDER BY name"
    )
    return str(session.rng.choice(people)[0])


def _find(session: Session, title: str) -> str:
    found = session("get_search_movie", movie_name=title)[0]
    if found["title"] != title:
        raise Unsuitable
    return str(found["id"])


def _find_person(session: Session, name: str) -> str:
    return str(session("get_search_person", person_name=name)[0]["id"])


def _director(session: Session, movie_id: str) -> str:
    crew = session("get_movie_crew", movie_id=movie_id)["crew"]
    return str(only([member["id"] for member in crew if member["job"] == "Director"]))


def _two(session: Session) -> dict[str, Any]:
    titles = [_title(session), _title(session)]
    if titles[0] == titles[1]:
        raise Unsuitable
    return {title: session("get_movie_details", movie_id=_find(session, title)) for title in titles}
