"""The movie tools, over an invented film world.

From AgentBoard (agentboard/utils/movie/movie_tools.py), whose tools ask The Movie Database. Kept: result
fields; that a search gives the best match only; lists cut to ten; the order and filling of a crew; the four
countries of translations; the fields that are not compared.
"""

import json
from typing import Any, ClassVar

from envs.tools import world
from envs.tools.toolkit import Refused, ToolError, Toolkit

MOST_LISTED = 10
_LEADING_JOBS = ("Director", "Producer", "Writer")
_NOT_COMPARED = ("overview", "biography", "vote_average", "genres", "revenue", "budget", "release_date")


class MovieToolkit(Toolkit):
    """Movies and people; there is nothing that an episode could change."""

    subset: ClassVar[str] = "movie"

    def get_search_movie(self, movie_name: Any) -> list[dict[str, Any]]:
        """Return the movie whose title is, begins with, or holds the name."""
        found = _best("movie", "id, overview, title", movie_name)
        if found is None:
            raise ToolError(f"no movie is called {str(movie_name)[:100]!r}")
        return [dict(zip(("id", "overview", "title"), found, strict=True))]

    def get_movie_details(self, movie_id: Any) -> dict[str, Any]:
        """Return a movie's figures and genres."""
        fields = ("title", "budget", "genres", "revenue", "vote_average", "release_date")
        details = _record("movie", fields, movie_id)
        return details | {"genres": json.loads(details["genres"])}

    def get_movie_production_companies(self, movie_id: Any) -> dict[str, Any]:
        """Return the companies behind a movie."""
        return {"production_companies": _json_field("companies", movie_id)}

    def get_movie_production_countries(self, movie_id: Any) -> dict[str, Any]:
        """Return the countries that a movie comes from."""
        return {"production_countries": _json_field("countries", movie_id)}

    def get_movie_keywords(self, movie_id: Any) -> dict[str, Any]:
        """Return a movie's keywords."""
        return {"keywords": _json_field("keywords", movie_id)}

    def get_movie_alternative_titles(self, movie_id: Any) -> dict[str, Any]:
        """Return a movie's titles in other countries."""
        return {"id": _identifier("movie", movie_id), "titles": _json_field("titles", movie_id)}

    def get_movie_translation(self, movie_id: Any) -> dict[str, Any]:
        """Return a movie's overview in other languages."""
        return {"id": _identifier("movie", movie_id), "translations": _json_field("translations", movie_id)}

    def get_movie_cast(self, movie_id: Any) -> dict[str, Any]:
        """Return the leading cast."""
        found = world.rows(
            "SELECT person.id, name, character FROM cast_member JOIN person ON person = person.id "
            "WHERE movie = ? ORDER BY place LIMIT ?",
            _identifier("movie", movie_id),
            MOST_LISTED,
        )
        return {"cast": [dict(zip(("id", "name", "character"), member, strict=True)) for member in found]}

    def get_movie_crew(self, movie_id: Any) -> dict[str, Any]:
        """Return all directors, producers and writers, then others (each person once) up to ten."""
        found = world.rows(
            "SELECT person.id, name, job FROM crew_member JOIN person ON person = person.id "
            "WHERE movie = ? ORDER BY place",
            _identifier("movie", movie_id),
        )
        listed = [member for member in found if member[2] in _LEADING_JOBS]
        leading = {member[0] for member in listed}
        others = [member for member in found if member[0] not in leading]
        listed += others[: max(0, MOST_LISTED - len(listed))]
        return {"crew": [dict(zip(("id", "name", "job"), member, strict=True)) for member in listed]}

    def get_search_person(self, person_name: Any) -> list[dict[str, Any]]:
        """Return the person whose name is, begins with, or holds the name; nothing where there is none."""
        found = _best("person", "id, name", person_name)
        return [dict(zip(("id", "name"), found, strict=True))] if found else []

    def get_person_details(self, person_id: Any) -> dict[str, Any]:
        """Return who a person is."""
        return _record("person", ("name", "biography", "birthday", "place_of_birth"), person_id)

    def get_person_external_ids(self, person_id: Any) -> dict[str, Any]:
        """Return a person's names elsewhere; None where there is none."""
        return _record("person", ("imdb_id", "facebook_id", "instagram_id", "twitter_id"), person_id)

    def get_person_cast(self, person_id: Any) -> dict[str, Any]:
        """Return the movies that a person acted in."""
        return {"cast": _credits("cast_member", "character", person_id)}

    def get_person_crew(self, person_id: Any) -> dict[str, Any]:
        """Return the movies that a person helped to make."""
        return {"crew": _credits("crew_member", "job", person_id)}

    def comparable(self, result: Any) -> Any:
        """Leave out the fields with figures and prose: which movie or person was asked for counts."""
        if isinstance(result, list):
            return [_trimmed(item) for item in result]
        return _trimmed(result)


def _trimmed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: value[key] for key in value if key not in _NOT_COMPARED}


def _best(table: str, columns: str, name: Any) -> tuple[Any, ...] | None:
    key = str(name).strip().casefold()[:200]
    if not key:
        return None
    return world.row(
        f"SELECT {columns} FROM {table} WHERE instr(folded, ?1) "  # noqa: S608 - our own names
        "ORDER BY folded != ?1, instr(folded, ?1), length(folded), id LIMIT 1",
        key,
    )


def _record(table: str, fields: tuple[str, ...], identifier: Any) -> dict[str, Any]:
    query = f"SELECT {', '.join(fields)} FROM {table} WHERE id = ?"  # noqa: S608 - our own names
    found = world.row(query, _number(identifier))
    if found is None:
        raise Refused(f"There is no {table} with id {str(identifier)[:40]}.")
    return dict(zip(fields, found, strict=True))


def _identifier(table: str, identifier: Any) -> int:
    return int(_record(table, ("id",), identifier)["id"])


def _json_field(field: str, movie_id: Any) -> Any:
    return json.loads(_record("movie", (field,), movie_id)[field])


def _credits(table: str, field: str, person_id: Any) -> list[dict[str, Any]]:
    found = world.rows(
        f"SELECT movie.id, title, {field} FROM {table} JOIN movie ON movie = movie.id "  # noqa: S608
        "WHERE person = ? ORDER BY release_date, movie.id, place LIMIT ?",
        _identifier("person", person_id),
        MOST_LISTED,
    )
    return [dict(zip(("id", "title", field), credit, strict=True)) for credit in found]


def _number(identifier: Any) -> int:
    # identifiers are numbers that AgentBoard publishes as strings; both are taken
    text = str(identifier).strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else -1
