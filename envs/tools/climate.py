"""The simulated weather: a fixed function of place and day, with no table behind it.

Temperatures follow latitude, season and height, with a slow and a fast random part; whether it rains or
snows follows temperature; air quality is on the European index. Random parts are hashes, so that any day of
any place can be computed on its own. All of it is invented: only its shape is like weather.
"""

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b

GRID_DEGREES = 0.1
"""Coordinates are moved to the nearest point of this grid, as weather services do."""

EARTH_RADIUS_KM = 6371.0
_SPELL_DAYS = 9
"""Length of a warm or a cold spell."""


@dataclass(frozen=True)
class Day:
    """Weather of one day. Temperatures in °C, rain in mm, snow in cm, air quality on the European index."""

    highest: float
    lowest: float
    mean: float
    rain_mm: float
    snow_cm: float
    air_quality: int


def snapped(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the grid point that stands for a place. Raises `ValueError` where there is no such place."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("latitude must be in -90..90 and longitude in -180..180")
    return _to_grid(latitude), _to_grid(longitude)


def elevation_m(latitude: float, longitude: float) -> float:
    """Return the height of a grid point above the sea, in whole metres."""
    region = _chance("height", round(latitude / 2), round(longitude / 2))
    return float(round(1500 * region**3 + 120 * _chance("hill", latitude, longitude)))


@lru_cache(maxsize=4096)
def weather(latitude: float, longitude: float, day: date) -> Day:
    """Return the weather of a day at a grid point (`snapped`)."""
    mean = _mean_temperature(latitude, longitude, day)
    swing = 3 + 5 * _chance("swing", latitude, longitude, day.toordinal())
    wet = _chance("wet", latitude, longitude, day.toordinal())
    amount_mm = round(35 * (wet - 0.6) ** 2 * 6, 1) if wet > 0.6 else 0.0
    snowing = mean < 1.0
    dirt = _chance("city air", latitude, longitude)
    daily = _chance("air", latitude, longitude, day.toordinal())
    return Day(
        highest=round(mean + swing, 1),
        lowest=round(mean - swing * 0.9, 1),
        mean=round(mean, 1),
        rain_mm=0.0 if snowing else amount_mm,
        snow_cm=round(amount_mm * 0.7, 2) if snowing else 0.0,
        air_quality=round(8 + 50 * dirt + 45 * daily),
    )


def distance_km(latitude1: float, longitude1: float, latitude2: float, longitude2: float) -> float:
    """Return the great-circle distance on a sphere, in km with three decimals (haversine formula)."""
    phi1, phi2 = math.radians(latitude1), math.radians(latitude2)
    across = math.radians(longitude2 - longitude1)
    half = math.sin((phi2 - phi1) / 2) ** 2 + math.cos(phi1) * math.cos(phi2) * math.sin(across / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half))), 3)


def _to_grid(degrees: float) -> float:
    return round(round(degrees / GRID_DEGREES) * GRID_DEGREES, 1) + 0.0  # never -0.0


def _mean_temperature(latitude: float, longitude: float, day: date) -> float:
    north = abs(latitude)
    yearly = 27 - 0.45 * max(0.0, north - 12) - elevation_m(latitude, longitude) * 0.0065
    # warmest around 20 July in the north, half a year later in the south
    phase = 2 * math.pi * (day.timetuple().tm_yday - 201) / 365.25
    season = 0.28 * north * math.cos(phase if latitude >= 0 else phase + math.pi)
    spell, into_spell = divmod(day.toordinal(), _SPELL_DAYS)
    before, after = (_chance("spell", latitude, longitude, spell + step) for step in (0, 1))
    slow = before + (after - before) * into_spell / _SPELL_DAYS
    fast = _chance("day", latitude, longitude, day.toordinal())
    return yearly + season + 10 * (slow - 0.5) + 4 * (fast - 0.5)


def _chance(*what: object) -> float:
    digest = blake2b("/".join(map(str, what)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
