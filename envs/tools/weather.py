"""The weather tools: place names from GeoNames, weather from `climate`.

From AgentBoard (agentboard/utils/weather/weather_tools.py), whose tools ask Open-Meteo. Kept: field names;
that forecasts and history must lie after and before today while the `current` tools take any date; spans of
at most 30 days; the parts of a result that are compared. Not kept: the gaps between its air quality levels.
"""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from envs.tools import climate, world
from envs.tools.toolkit import Refused, ToolError, Toolkit

FIRST_DAY, LAST_DAY = date(1940, 1, 1), date(2039, 12, 31)
MAX_SPAN_DAYS = 30
MIN_PREFIX_CHARS = 3
"""Shorter names find places of exactly this name only."""
SAME_PLACE_KM = 50.0
_LEVELS = ((20, "good"), (40, "fair"), (60, "moderate"), (80, "poor"), (100, "very poor"))
_LAST_CHARACTER = "\U0010ffff"
_TEMPERATURES = ("temperature_2m_max", "temperature_2m_min", "temperature_2m_mean")


class WeatherToolkit(Toolkit):
    """Weather for a user who is in `current_location` on `current_date` (YYYY-MM-DD)."""

    subset: ClassVar[str] = "weather"

    def __init__(self, current_date: str, current_location: str) -> None:
        self._today = _day(current_date)
        self._location = current_location

    def get_user_current_date(self) -> str:
        """Return today's date."""
        return self._today.isoformat()

    def get_user_current_location(self) -> str:
        """Return the name of the user's city."""
        return self._location

    def get_latitude_longitude(self, name: Any) -> dict[str, Any]:
        """Return up to three places of this name, then of names that begin with it."""
        key = world.folded(str(name).strip()[:100])
        found = world.rows(
            "SELECT name, latitude, longitude, country_code FROM city WHERE folded BETWEEN ?1 AND ?2 "
            "ORDER BY folded != ?1, population DESC LIMIT 3",
            key,
            key + _LAST_CHARACTER if len(key) >= MIN_PREFIX_CHARS else key,
        )
        if not found:
            raise ToolError(f"no place is called {str(name)[:100]!r}")
        fields = ("name", "latitude", "longitude", "country_code")
        return {"results": [dict(zip(fields, place, strict=True)) for place in found]}

    def get_historical_temp(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return temperatures of past days."""
        return _temperatures(latitude, longitude, self._past(start_date, end_date))

    def get_temp_forecast(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return temperatures of days to come."""
        return _temperatures(latitude, longitude, self._future(start_date, end_date))

    def get_current_temp(self, latitude: Any, longitude: Any, current_date: Any) -> Any:
        """Return temperatures of one day."""
        return _temperatures(latitude, longitude, _span(current_date, current_date))

    def get_historical_rain(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return rainfall of past days."""
        return _rain(latitude, longitude, self._past(start_date, end_date))

    def get_rain_forecast(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return rainfall of days to come."""
        return _rain(latitude, longitude, self._future(start_date, end_date))

    def get_current_rain(self, latitude: Any, longitude: Any, current_date: Any) -> Any:
        """Return rainfall of one day."""
        return _rain(latitude, longitude, _span(current_date, current_date))

    def get_historical_snow(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return snowfall of past days."""
        return _snow(latitude, longitude, self._past(start_date, end_date))

    def get_snow_forecast(self, latitude: Any, longitude: Any, start_date: Any, end_date: Any) -> Any:
        """Return snowfall of days to come."""
        return _snow(latitude, longitude, self._future(start_date, end_date))

    def get_current_snow(self, latitude: Any, longitude: Any, current_date: Any) -> Any:
        """Return snowfall of one day."""
        return _snow(latitude, longitude, _span(current_date, current_date))

    def get_historical_air_quality_index(
        self, latitude: Any, longitude: Any, start_date: Any, end_date: Any
    ) -> Any:
        """Return the air quality at noon of past days."""
        return _air(latitude, longitude, self._past(start_date, end_date))

    def get_current_air_quality_index(self, latitude: Any, longitude: Any, current_date: Any) -> Any:
        """Return the air quality at noon of one day."""
        return _air(latitude, longitude, _span(current_date, current_date))

    def get_air_quality_level(self, air_quality_index: Any) -> str:
        """Return the name of an index's level."""
        index = float(air_quality_index)
        return next((level for most, level in _LEVELS if index <= most), "extremely poor")

    def get_elevation(self, latitude: Any, longitude: Any) -> dict[str, Any]:
        """Return the height above the sea in metres."""
        return {"elevation": [climate.elevation_m(*_place(latitude, longitude))]}

    def get_distance(self, latitude1: Any, longitude1: Any, latitude2: Any, longitude2: Any) -> float:
        """Return the distance of two places in km."""
        ends = [float(value) for value in (latitude1, longitude1, latitude2, longitude2)]
        climate.snapped(*ends[:2]), climate.snapped(*ends[2:])  # raise where there is no such place
        return climate.distance_km(*ends)

    def convert_zipcode_to_address(self, zipcode: Any) -> dict[str, Any]:
        """Return the city that a US zip code belongs to."""
        found = world.row("SELECT country_code, state, name FROM city WHERE zipcode = ?", str(zipcode))
        if found is None:
            raise Refused(f"There is no zip code {str(zipcode)[:20]}.")
        return dict(zip(("country", "state", "city"), found, strict=True))

    def comparable(self, result: Any) -> Any:
        """Leave the temperatures out: what was asked (place, days, quantity) counts."""
        daily = result.get("daily") if isinstance(result, dict) else None
        if not isinstance(daily, dict) or _TEMPERATURES[0] not in daily:
            return result
        return result | {"daily": {key: daily[key] for key in daily if key not in _TEMPERATURES}}

    def _past(self, start_date: Any, end_date: Any) -> list[date]:
        for name, value in (("start_date", start_date), ("end_date", end_date)):
            if _day(value) >= self._today:
                raise Refused(f"Error: {name} must be before today's date.")
        return _span(start_date, end_date)

    def _future(self, start_date: Any, end_date: Any) -> list[date]:
        for name, value in (("start_date", start_date), ("end_date", end_date)):
            if _day(value) <= self._today:
                raise Refused(f"Error: {name} must be after today's date.")
        return _span(start_date, end_date)


def same(expected: Any, got: Any) -> bool:
    """Tell whether two results agree: equal, or equal but for coordinates less than 50 km apart."""
    if not (_has_place(expected) and _has_place(got)):
        return bool(expected == got)
    places = [result[key] for result in (expected, got) for key in ("latitude", "longitude")]
    rest = [
        {key: value for key, value in result.items() if key not in ("latitude", "longitude")}
        for result in (expected, got)
    ]
    try:
        distance_km = climate.distance_km(*places)
    except (ArithmeticError, ValueError):  # infinite, or too large for a double: no place
        return False
    return distance_km < SAME_PLACE_KM and rest[0] == rest[1]


def _has_place(result: Any) -> bool:
    return isinstance(result, dict) and all(
        isinstance(result.get(key), int | float) for key in ("latitude", "longitude")
    )


def _temperatures(latitude: Any, longitude: Any, days: list[date]) -> dict[str, Any]:
    place = _place(latitude, longitude)
    weather = [climate.weather(*place, day) for day in days]
    values = {
        "temperature_2m_max": [day.highest for day in weather],
        "temperature_2m_min": [day.lowest for day in weather],
        "temperature_2m_mean": [day.mean for day in weather],
    }
    return _report(place, [day.isoformat() for day in days], values, "°C")


def _rain(latitude: Any, longitude: Any, days: list[date]) -> dict[str, Any]:
    place = _place(latitude, longitude)
    values = {"rain_sum": [climate.weather(*place, day).rain_mm for day in days]}
    return _report(place, [day.isoformat() for day in days], values, "mm")


def _snow(latitude: Any, longitude: Any, days: list[date]) -> dict[str, Any]:
    place = _place(latitude, longitude)
    values = {"snowfall_sum": [climate.weather(*place, day).snow_cm for day in days]}
    return _report(place, [day.isoformat() for day in days], values, "cm")


def _air(latitude: Any, longitude: Any, days: list[date]) -> dict[str, Any]:
    place = _place(latitude, longitude)
    values = {"european_aqi_pm2_5": [climate.weather(*place, day).air_quality for day in days]}
    return _report(place, [f"{day.isoformat()}T12:00" for day in days], values, "EAQI")


def _report(
    place: tuple[float, float], times: list[str], values: dict[str, list[Any]], unit: str
) -> dict[str, Any]:
    return {
        "latitude": place[0],
        "longitude": place[1],
        "daily_units": {"time": "iso8601"} | dict.fromkeys(values, unit),
        "daily": {"time": times} | values,
    }


def _place(latitude: Any, longitude: Any) -> tuple[float, float]:
    try:
        return climate.snapped(float(latitude), float(longitude))
    except ValueError as error:
        raise Refused(f"Error: {error}.") from error


def _span(start_date: Any, end_date: Any) -> list[date]:
    start, end = _day(start_date), _day(end_date)
    if end - start > timedelta(days=MAX_SPAN_DAYS):
        raise Refused(f"Error: one query covers at most {MAX_SPAN_DAYS} days; ask for parts of this span.")
    if not FIRST_DAY <= start <= end <= LAST_DAY:
        raise Refused(f"Error: days must be in order and within {FIRST_DAY} to {LAST_DAY}.")
    return [start + timedelta(days=step) for step in range((end - start).days + 1)]


def _day(text: Any) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()
