"""The weather tools: who may ask what when, and that the invented weather is weather."""

from datetime import date

import pytest

from envs.tools import climate, world
from envs.tools.toolkit import Refused, ToolError
from envs.tools.weather import WeatherToolkit, same

ROME = {"latitude": 41.89193, "longitude": 12.51133}


@pytest.fixture
def kit() -> WeatherToolkit:
    return WeatherToolkit("2023-06-15", "Rome")


def days(start: str, end: str) -> dict[str, str]:
    return {"start_date": start, "end_date": end}


def test_the_world_has_enough_real_cities() -> None:
    (count,) = world.row("SELECT count(*) FROM city") or (0,)
    assert count >= 1000
    assert world.row("SELECT country_code FROM city WHERE name = 'Nairobi'") == ("KE",)


def test_the_user_is_somewhere_on_some_day(kit: WeatherToolkit) -> None:
    assert kit.call("get_user_current_date", {}) == "2023-06-15"
    assert kit.call("get_user_current_location", {}) == "Rome"


@pytest.mark.parametrize("name", ["Rome", "rome", " ROME "])
def test_a_place_is_found_whatever_its_case(kit: WeatherToolkit, name: str) -> None:
    first = kit.call("get_latitude_longitude", {"name": name})["results"][0]
    assert first == {"name": "Rome", **ROME, "country_code": "IT"}


def test_places_are_found_without_accents_and_by_their_beginning(kit: WeatherToolkit) -> None:
    assert kit.call("get_latitude_longitude", {"name": "sao paulo"})["results"][0]["name"] == "São Paulo"
    found = kit.call("get_latitude_longitude", {"name": "San"})["results"]
    assert len(found) == 3 and all(place["name"].startswith("San") for place in found)


@pytest.mark.parametrize("name", ["Atlantis", "", "x" * 1000, None])
def test_an_unknown_place_is_an_error(kit: WeatherToolkit, name: object) -> None:
    with pytest.raises(ToolError):
        kit.call("get_latitude_longitude", {"name": name})


@pytest.mark.parametrize(
    ("kind", "field", "unit"),
    [("temp", "temperature_2m_mean", "°C"), ("rain", "rain_sum", "mm"), ("snow", "snowfall_sum", "cm")],
)
def test_past_present_and_future_agree_on_a_day(
    kit: WeatherToolkit, kind: str, field: str, unit: str
) -> None:
    yesterday = kit.call(f"get_historical_{kind}", ROME | days("2023-06-13", "2023-06-14"))
    assert yesterday["daily"]["time"] == ["2023-06-13", "2023-06-14"]
    assert yesterday["daily_units"] == {"time": "iso8601"} | dict.fromkeys(list(yesterday["daily"])[1:], unit)
    assert (yesterday["latitude"], yesterday["longitude"]) == (41.9, 12.5)
    later = WeatherToolkit("2023-06-14", "Rome").call(
        f"get_current_{kind}", ROME | {"current_date": "2023-06-14"}
    )
    earlier = WeatherToolkit("2023-06-01", "Rome").call(
        f"get_{kind}_forecast", ROME | days("2023-06-14", "2023-06-14")
    )
    assert yesterday["daily"][field][1:] == later["daily"][field] == earlier["daily"][field]


@pytest.mark.parametrize(
    ("tool", "span"),
    [
        ("get_historical_temp", days("2023-06-15", "2023-06-15")),
        ("get_historical_rain", days("2023-06-10", "2023-06-20")),
        ("get_historical_snow", days("2023-06-10", "2023-06-01")),
        ("get_historical_air_quality_index", days("2023-01-01", "2023-06-01")),
        ("get_historical_temp", days("1500-01-01", "1500-01-02")),
        ("get_temp_forecast", days("2023-06-15", "2023-06-16")),
        ("get_rain_forecast", days("2023-06-16", "2023-08-16")),
        ("get_snow_forecast", days("2123-06-16", "2123-06-16")),
    ],
)
def test_days_on_the_wrong_side_or_too_many_are_refused(
    kit: WeatherToolkit, tool: str, span: dict[str, str]
) -> None:
    with pytest.raises(Refused, match="Error: "):
        kit.call(tool, ROME | span)


@pytest.mark.parametrize("when", ["yesterday", "2023-02-30", 20230101, None])
def test_what_is_no_day_is_an_error(kit: WeatherToolkit, when: object) -> None:
    with pytest.raises(ToolError):
        kit.call("get_current_temp", ROME | {"current_date": when})


@pytest.mark.parametrize(("latitude", "longitude"), [(91, 0), (0, -181), ("nan", 0), ("north", 0)])
def test_what_is_no_place_is_refused(kit: WeatherToolkit, latitude: object, longitude: object) -> None:
    with pytest.raises(Refused):
        kit.call("get_elevation", {"latitude": latitude, "longitude": longitude})


def test_air_quality_is_measured_at_noon_and_named_by_level(kit: WeatherToolkit) -> None:
    now = kit.call("get_current_air_quality_index", ROME | {"current_date": "2023-06-15"})
    assert now["daily"]["time"] == ["2023-06-15T12:00"]
    past = kit.call("get_historical_air_quality_index", ROME | days("2023-06-01", "2023-06-14"))
    assert len(past["daily"]["european_aqi_pm2_5"]) == 14
    levels = [
        kit.call("get_air_quality_level", {"air_quality_index": index})
        for index in (0, 20, 21, 41, 61, 81, 101)
    ]
    assert levels == ["good", "good", "fair", "moderate", "poor", "very poor", "extremely poor"]


def test_distances_follow_the_great_circle(kit: WeatherToolkit) -> None:
    berlin_paris = {"latitude1": 52.52, "longitude1": 13.405, "latitude2": 48.8566, "longitude2": 2.3522}
    assert kit.call("get_distance", berlin_paris) == pytest.approx(877.5, abs=1)


def test_a_zip_code_leads_to_its_city_and_no_other_does(kit: WeatherToolkit) -> None:
    zipcode, city, state = (
        world.row("SELECT zipcode, name, state FROM city WHERE zipcode NOT NULL LIMIT 1") or ()
    )
    address = kit.call("convert_zipcode_to_address", {"zipcode": zipcode})
    assert address == {"country": "US", "state": state, "city": city}
    with pytest.raises(Refused):
        kit.call("convert_zipcode_to_address", {"zipcode": "1"})


def test_results_agree_where_the_place_is_near_and_the_rest_equal(kit: WeatherToolkit) -> None:
    span = days("2023-06-13", "2023-06-14")
    here = kit.comparable(kit.call("get_historical_temp", ROME | span))
    assert "temperature_2m_mean" not in here["daily"]
    near = kit.comparable(kit.call("get_historical_temp", {"latitude": 42.0, "longitude": 12.6} | span))
    far = kit.comparable(kit.call("get_historical_temp", {"latitude": 44.0, "longitude": 12.6} | span))
    other = kit.comparable(kit.call("get_historical_temp", ROME | days("2023-06-13", "2023-06-13")))
    assert [same(here, result) for result in (near, far, other, 3)] == [True, False, False, False]


@pytest.mark.parametrize("latitude", [float("inf"), float("nan"), pytest.param(10**400, id="large")])
def test_a_result_from_no_place_on_earth_agrees_with_none(latitude: float) -> None:
    assert not same({"latitude": 41.9, "longitude": 12.5}, {"latitude": latitude, "longitude": 12.5})


def test_the_weather_has_seasons_heights_and_days() -> None:
    def mean(latitude: float, month: int) -> float:
        means = [climate.weather(latitude, 20.0, date(2022, month, day)).mean for day in range(1, 29)]
        return sum(means) / len(means)

    assert mean(50.0, 7) > mean(50.0, 1) + 15
    assert mean(-35.0, 1) > mean(-35.0, 7) + 8
    assert mean(0.0, 4) > mean(65.0, 4)
    week = [climate.weather(50.0, 20.0, date(2022, 3, day)) for day in range(1, 29)]
    assert len({day.mean for day in week}) > 20
    assert all(day.lowest < day.mean < day.highest for day in week)
    assert all(day.rain_mm == 0 or day.snow_cm == 0 for day in week)
