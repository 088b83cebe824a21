"""What a batch says of its progress where nobody draws bars."""

import pytest

from arena.cli import progress
from arena.cli.progress import BatchProgress
from arena.records import EpisodeEnded
from tests.arena.playing import ladder_plan


@pytest.mark.parametrize(("every_s", "quiet", "lines"), [(0.0, False, 2), (60.0, False, 0), (0.0, True, 0)])
def test_off_a_terminal_a_line_now_and_then_says_how_far_it_is(
    ladder: type,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    every_s: float,
    quiet: bool,
    lines: int,
):
    monkeypatch.setattr(progress, "LINE_EVERY_S", every_s)
    plan = ladder_plan(["a[/b]"])
    keys = list(plan.episodes())
    with BatchProgress(plan, quiet=quiet) as bars:
        bars.listen(EpisodeEnded(keys[0], "done", 1.0, True, 3))
        bars.listen(EpisodeEnded(keys[1], "error", 0.0, False, 0))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    if lines:
        assert said[1] == f"1 of {len(keys)} episodes, progress 100 %, 1 solved, 1 errors; now a[/b]"
