import pytest

from arena.contestant import Contestant, agent_settings
from arena.suite import SuiteSettings


@pytest.fixture
def contestant_with():
    """Make a contestant whose engine has this identity, and these options."""

    def make(engine: dict, **options) -> Contestant:
        settings = agent_settings(SuiteSettings(), {})
        return Contestant("c", "spec:of-c", options, settings, {"engine": engine})

    return make
