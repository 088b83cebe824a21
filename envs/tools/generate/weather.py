"""Templates for questions about the weather."""

from datetime import date, timedelta
from typing import Any

from envs.tools import world
from envs.tools.generate.session import Draft, Session, Templates, Unsuitable, best, goal
from envs.tools.weather import WeatherToolkit

FIRST_TODAY, TODAYS = date(2019, 1, 1), 5 * 365
KNOWN_CITIES = 600
"""Users live in, and ask about, the largest cities."""


def start(rng: Any) -> dict[str, Any]:
    """Draw the user's city and date."""
    today = FIRST_TODAY + timedelta(days=rng.randrange(TODAYS))
    return {"current_date": today.isoformat(), "current_location": _city(rng)}


def _yesterday(session: Session) -> Draft:
    place, today = _here(session)
    what, field = session.rng.choice(
        [
            ("highest", "temperature_2m_max"),
            ("lowest", "temperature_2m_min"),
            ("average", "temperature_2m_mean"),
        ]
    )
    report = session("get_historical_temp", **place, **_days(today, -1, -1))
    return Draft(goal("weather", "yesterday", session.rng, what=what), report["daily"][field][0])


def _elevation(session: Session) -> Draft:
    city = _city(session.rng)
    answer = session("get_elevation", **_place(session, city))["elevation"][0]
    return Draft(goal("weather", "elevation", session.rng, city=city), answer)


def _distance(session: Session) -> Draft:
    first, second = _cities(session.rng, 2)
    one, other = _place(session, first), _place(session, second)
    answer = round(session("get_distance", **_pair(one, other)))
    return Draft(goal("weather", "distance", session.rng, first=first, second=second), answer)


def _zipcode(session: Session) -> Draft:
    codes = world.rows("SELECT zipcode FROM city WHERE zipcode IS NOT NULL ORDER BY id")
    zipcode = session.rng.choice(codes)[0]
    answer = session("convert_zipcode_to_address", zipcode=zipcode)["city"]
    return Draft(goal("weather", "zipcode", session.rng, zipcode=zipcode), answer)


def _air(session: Session) -> Draft:
    city = _city(session.rng)
    today = session("get_user_current_date")
    report = session("get_current_air_quality_index", **_place(session, city), current_date=today)
    index = report["daily"]["european_aqi_pm2_5"][0]
    return Draft(
        goal("weather", "air", session.rng, city=city),
        session("get_air_quality_level", air_quality_index=index),
    )


def _snow(session: Session) -> Draft:
    northern = world.rows("SELECT name FROM city WHERE latitude > 50 ORDER BY population DESC LIMIT 80")
    city = session.rng.choice(northern)[0]
    today = date.fromisoformat(session("get_user_current_date"))
    report = session("get_snow_forecast", **_place(session, city), **_days(today, 1, 1))
    answer = report["daily"]["snowfall_sum"][0]
    if not answer:
        raise Unsuitable
    return Draft(goal("weather", "snow", session.rng, city=city), answer)


def _warmer(session: Session) -> Draft:
    place, today = _here(session)
    city = _city(session.rng)
    means = {
        name: session("get_temp_forecast", **where, **_days(today, 1, 1))["daily"]["temperature_2m_mean"][0]
        for name, where in ((session("get_user_current_location"), place), (city, _place(session, city)))
    }
    return Draft(goal("weather", "warmer", session.rng, city=city), best(means))


def _wettest(session: Session) -> Draft:
    city, days = _city(session.rng), session.rng.randint(4, 9)
    today = date.fromisoformat(session("get_user_current_date"))
    report = session("get_rain_forecast", **_place(session, city), **_days(today, 1, days))["daily"]
    answer = best(dict(zip(report["time"], report["rain_sum"], strict=True)))
    return Draft(goal("weather", "wettest", session.rng, city=city, days=days), answer)


def _last_year(session: Session) -> Draft:
    place, today = _here(session)
    if (today.month, today.day) == (2, 29):
        raise Unsuitable
    now = session("get_current_temp", **place, current_date=today.isoformat())
    then = today.replace(year=today.year - 1).isoformat()
    before = session("get_historical_temp", **place, start_date=then, end_date=then)
    highest = [report["daily"]["temperature_2m_max"][0] for report in (now, before)]
    return Draft(goal("weather", "last_year", session.rng), "Yes" if highest[0] > highest[1] else "No")


def _total_rain(session: Session) -> Draft:
    city, days = _city(session.rng), session.rng.randint(3, 10)
    today = date.fromisoformat(session("get_user_current_date"))
    report = session("get_historical_rain", **_place(session, city), **_days(today, -days, -1))
    answer = round(sum(report["daily"]["rain_sum"]), 1)
    return Draft(goal("weather", "total_rain", session.rng, city=city, days=days), answer)


def _nearest(session: Session) -> Draft:
    place, _ = _here(session)
    names = _cities(session.rng, 3)
    places = {name: _place(session, name) for name in names}
    distances = {name: -session("get_distance", **_pair(place, there)) for name, there in places.items()}
    if 0 in distances.values():
        raise Unsuitable
    first, second, third = names
    words = goal("weather", "nearest", session.rng, first=first, second=second, third=third)
    return Draft(words, best(distances))


def _warm_days(session: Session) -> Draft:
    city, days = _city(session.rng), session.rng.randint(6, 14)
    today = date.fromisoformat(session("get_user_current_date"))
    report = session("get_historical_temp", **_place(session, city), **_days(today, -days, -1))
    highest = report["daily"]["temperature_2m_max"]
    degrees = round(sorted(highest)[len(highest) // 2])
    answer = sum(value > degrees for value in highest)
    return Draft(goal("weather", "warm_days", session.rng, city=city, days=days, degrees=degrees), answer)


TEMPLATES: Templates = {
    "easy": (_yesterday, _elevation, _distance, _zipcode, _air, _snow),
    "hard": (_warmer, _wettest, _last_year, _total_rain, _nearest, _warm_days),
}
TOOLKIT = WeatherToolkit


def _cities(rng: Any, count: int) -> list[str]:
    found = world.rows("SELECT name FROM city ORDER BY population DESC LIMIT ?", KNOWN_CITIES)
    names = [name for (name,) in found if name.isascii()]
    return rng.sample(list(dict.fromkeys(names)), count)


def _city(rng: Any) -> str:
    return _cities(rng, 1)[0]


def _place(session: Session, city: str) -> dict[str, float]:
    found = session("get_latitude_longitude", name=city)["results"][0]
    return {"latitude": found["latitude"], "longitude": found["longitude"]}


def _here(session: Session) -> tuple[dict[str, float], date]:
    place = _place(session, session("get_user_current_location"))
    return place, date.fromisoformat(session("get_user_current_date"))


def _days(today: date, first: int, last: int) -> dict[str, str]:
    days = [(today + timedelta(days=step)).isoformat() for step in (first, last)]
    return {"start_date": days[0], "end_date": days[1]}


def _pair(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {f"{key}{i}": value for i, place in ((1, one), (2, other)) for key, value in place.items()}
