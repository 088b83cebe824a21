"""A correlation as a row of a table: its numbers, and where it lies between -1 and 1 (a forest plot)."""

from textual.content import Content

from tui.analyses import Correlation
from tui.literal import literal_line

MUTED = "$foreground-muted"
_METRIC, _SCORE = 30, 9
_NUMBERS = 24
MOST_GROUND = 61


def correlation_heading(width: int) -> Content:
    """Return the names of the columns."""
    ground = _ground(width)
    scale = f"-1{'0':^{max(ground - 3, 1)}}1" if ground else ""
    return Content.styled(
        f" {'metric':<{_METRIC}}{'drop in':<{_SCORE}}{'rho':>6}  {'95 % interval':<14}  {scale}", MUTED
    )


def draw_correlation(found: Correlation, width: int) -> Content:
    """Return a row; the plot is left out where there is no room for it."""
    rho = found.rho or 0.0
    sure = found.low is not None and found.high is not None
    interval = f"[{found.low:+.2f}, {found.high:+.2f}]" if sure else ""
    tells = found.low is not None and found.low > 0
    return Content.assemble(
        (f" {literal_line(found.metric, _METRIC - 1):<{_METRIC}}", ""),
        (f"{literal_line(found.score, _SCORE - 1):<{_SCORE}}", MUTED),
        (f"{rho:>+6.2f}", "bold $text-success" if tells else "bold"),
        (f"  {interval:<14}  ", MUTED),
        _plot(found, _ground(width), "$text-success" if tells else "$foreground"),
    )


def _ground(width: int) -> int:
    """Return how many cells the plot has: an odd number, so that 0 is in the middle of one."""
    room = min(width - _METRIC - _SCORE - _NUMBERS - 2, MOST_GROUND)
    return room - 1 + room % 2 if room >= 11 else 0


def _plot(found: Correlation, cells: int, style: str) -> Content:
    if not cells:
        return Content("")
    line = [" "] * cells
    line[cells // 2] = "┊"
    if found.low is not None and found.high is not None:
        for at in range(_cell(found.low, cells), _cell(found.high, cells) + 1):
            line[at] = "─"
    line[_cell(found.rho or 0.0, cells)] = "●"
    return Content.styled("".join(line), style)


def _cell(value: float, cells: int) -> int:
    return round((min(max(value, -1.0), 1.0) + 1) / 2 * (cells - 1))
