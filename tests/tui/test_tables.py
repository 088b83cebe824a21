import itertools

import pytest

from arena.protocol.base import FailureKind
from tui.screens.match import MatchScreen
from tui.tables import Mode, failure_words, keys


def test_every_kind_of_failure_has_words():
    assert set(failure_words()) == set(FailureKind)


@pytest.mark.parametrize("mode", ["play", "watch"])
def test_no_key_has_two_meanings(mode: Mode):
    meant = [name for key in keys() if key.only in (None, mode) for name in key.keys]
    assert len(meant) == len(set(meant))


def test_every_key_of_the_table_is_something_the_screen_can_do():
    for key in keys():
        assert hasattr(MatchScreen, f"action_{key.action}"), key.action
        assert key.help.endswith(".")


def test_the_bindings_are_those_of_the_table():
    bound = {binding.key for key in keys() for binding in key.bindings()}
    assert bound == {",".join(key.keys) for key in keys() if not key.numbered} | set("12345678")


def test_groups_and_keys_with_a_shared_label_stand_together():
    for name in ("group", "shared_label"):
        runs = [value for value, _ in itertools.groupby(getattr(key, name) for key in keys()) if value]
        assert len(runs) == len(set(runs))
