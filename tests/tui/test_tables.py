import itertools

import pytest

from arena.protocol.base import FailureKind
from tui.app import ArenaApp
from tui.screens.episodes import EpisodesScreen
from tui.screens.home import HomeScreen
from tui.screens.log import LogScreen
from tui.screens.match import MatchScreen
from tui.screens.results import ResultsScreen
from tui.tables import Mode, ScreenName, failure_words, keys


def test_every_kind_of_failure_has_words():
    assert set(failure_words()) == set(FailureKind)


@pytest.mark.parametrize("mode", ["play", "watch"])
def test_no_key_has_two_meanings(mode: Mode):
    meant = [name for key in keys() if key.only in (None, mode) for name in key.keys]
    assert len(meant) == len(set(meant))


def test_every_key_of_the_table_is_something_the_screen_can_do():
    for key in keys():
        assert hasattr(MatchScreen, f"action_{key.action.partition('(')[0]}"), key.action
        assert key.help.endswith(".")


def test_the_bindings_are_those_of_the_table():
    bound = {binding.key for key in keys() for binding in key.bindings()}
    assert bound == {",".join(key.keys) for key in keys() if not key.numbered} | set("12345678")


def test_groups_and_keys_with_a_shared_label_stand_together():
    for name in ("group", "shared_label"):
        runs = [value for value, _ in itertools.groupby(getattr(key, name) for key in keys()) if value]
        assert len(runs) == len(set(runs))


SCREENS = ("home", "results", "inside", "episodes", "log")


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_of_a_screen_has_two_meanings_nor_one_that_all_screens_give_another(screen: ScreenName):
    own = [name for key in keys(screen) for name in key.keys]
    assert len(own) == len(set(own))
    of_a_match = ("results", "debug", "request")
    shared = {name for key in keys("app") for name in key.keys if key.action not in of_a_match}
    assert not shared.intersection(own)


def test_every_key_of_every_table_is_something_its_screen_or_the_app_can_do():
    screens = {"home": HomeScreen, "results": ResultsScreen, "episodes": EpisodesScreen, "log": LogScreen}
    for name, screen in (*screens.items(), ("app", ArenaApp)):
        for key in keys(name):
            assert hasattr(screen, f"action_{key.action}"), key.action
            assert key.help.endswith(".")
