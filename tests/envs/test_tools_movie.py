"""The movie tools: searches, cut lists, and what of a result is compared."""

import pytest

from envs.tools import world
from envs.tools.movie import MovieToolkit
from envs.tools.toolkit import Refused, ToolError

KIT = MovieToolkit()
MOVIE_ID, TITLE = world.row("SELECT id, title FROM movie ORDER BY id LIMIT 1") or (0, "")
PERSON_ID, PERSON = world.row(
    "SELECT person.id, name FROM person JOIN crew_member ON person.id = person WHERE job = 'Director' "
    "GROUP BY person.id ORDER BY count(*) DESC, person.id LIMIT 1"
) or (0, "")


def call(name: str, **arguments: object) -> object:
    return KIT.call(name, arguments)


def test_the_world_has_enough_movies() -> None:
    assert (world.row("SELECT count(*) FROM movie") or (0,))[0] >= 500


@pytest.mark.parametrize("name", [TITLE, TITLE.upper(), TITLE[2:]])
def test_a_movie_is_found_by_its_name_or_a_part_of_it(name: str) -> None:
    (found,) = call("get_search_movie", movie_name=name)
    assert (found["id"], found["title"]) == (MOVIE_ID, TITLE) and found["overview"]


def test_the_whole_name_comes_before_longer_ones() -> None:
    short, longer = world.row(
        "SELECT a.title, b.title FROM movie AS a JOIN movie AS b ON instr(b.title, a.title) AND a.id != b.id"
    ) or ("", "")
    assert short in longer
    assert call("get_search_movie", movie_name=short)[0]["title"] == short


@pytest.mark.parametrize("name", ["no such film at all", "", "%", "\x00"])
def test_no_movie_is_an_error_and_no_person_an_empty_list(name: str) -> None:
    with pytest.raises(ToolError):
        call("get_search_movie", movie_name=name)
    assert call("get_search_person", person_name=name) == []


@pytest.mark.parametrize("identifier", [MOVIE_ID, str(MOVIE_ID)])
def test_identifiers_may_be_numbers_or_texts(identifier: object) -> None:
    details = call("get_movie_details", movie_id=identifier)
    assert list(details) == ["title", "budget", "genres", "revenue", "vote_average", "release_date"]
    assert details["title"] == TITLE and all(set(genre) == {"id", "name"} for genre in details["genres"])


def test_the_other_movie_tools_give_their_fields() -> None:
    companies = call("get_movie_production_companies", movie_id=MOVIE_ID)["production_companies"]
    assert all(set(company) == {"id", "logo_path", "name", "origin_country"} for company in companies)
    countries = call("get_movie_production_countries", movie_id=MOVIE_ID)["production_countries"]
    assert all(set(country) == {"iso_3166_1", "name"} for country in countries)
    assert len(call("get_movie_keywords", movie_id=MOVIE_ID)["keywords"]) >= 2
    titles = call("get_movie_alternative_titles", movie_id=MOVIE_ID)
    assert titles["id"] == MOVIE_ID and all(
        set(title) == {"iso_3166_1", "title", "type"} for title in titles["titles"]
    )
    translations = call("get_movie_translation", movie_id=MOVIE_ID)
    assert [item["iso_3166_1"] for item in translations["translations"]] == ["NL", "CN", "US", "DE"]
    assert all(item["data"]["overview"] for item in translations["translations"])


def test_casts_and_crews_are_cut_to_ten_with_the_leading_jobs_first() -> None:
    for (movie,) in world.rows("SELECT id FROM movie ORDER BY id LIMIT 60"):
        cast = call("get_movie_cast", movie_id=movie)["cast"]
        assert 4 <= len(cast) <= 10 and all(set(member) == {"id", "name", "character"} for member in cast)
        crew = call("get_movie_crew", movie_id=movie)["crew"]
        jobs = [member["job"] for member in crew]
        leading = [job in ("Director", "Producer", "Writer") for job in jobs]
        assert len(crew) <= 10 and leading == sorted(leading, reverse=True)
        assert jobs.count("Director") == 1


def test_a_person_can_be_looked_up_in_every_way() -> None:
    assert call("get_search_person", person_name=PERSON.lower()) == [{"id": PERSON_ID, "name": PERSON}]
    details = call("get_person_details", person_id=PERSON_ID)
    assert list(details) == ["name", "biography", "birthday", "place_of_birth"] and details["name"] == PERSON
    crew = call("get_person_crew", person_id=PERSON_ID)["crew"]
    assert crew and all(set(credit) == {"id", "title", "job"} for credit in crew) and len(crew) <= 10
    cast = call("get_person_cast", person_id=PERSON_ID)["cast"]
    assert all(set(credit) == {"id", "title", "character"} for credit in cast)
    external = call("get_person_external_ids", person_id=PERSON_ID)
    assert list(external) == ["imdb_id", "facebook_id", "instagram_id", "twitter_id"]


@pytest.mark.parametrize("identifier", [0, -1, "abc", None, 1e9, "9" * 40, "\u0661", [1], True])
def test_an_unknown_identifier_is_refused(identifier: object) -> None:
    with pytest.raises(Refused):
        call("get_movie_details", movie_id=identifier)
    with pytest.raises(Refused):
        call("get_person_cast", person_id=identifier)


def test_figures_and_prose_are_not_compared() -> None:
    assert KIT.comparable(call("get_movie_details", movie_id=MOVIE_ID)) == {"title": TITLE}
    assert KIT.comparable(call("get_search_movie", movie_name=TITLE)) == [{"id": MOVIE_ID, "title": TITLE}]
    assert KIT.comparable("an answer") == "an answer"
