"""What is shown while a match gets ready: models are compressed and read, in a thread of their own."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.worker import get_current_worker

from arena.compressed import Listener
from arena.errors import ArenaError
from arena.lineup import line_up
from arena.play import suite_of
from arena.store.files import runs_folder
from compress.errors import CompressError
from envs.errors import EnvsError
from tui.choice import Choice
from tui.literal import literal_line
from tui.sources import PlaySource
from tui.widgets.gauges import bar

if TYPE_CHECKING:
    from compress.compressor import Progress

CLOCK_S = 0.2


@dataclass(frozen=True)
class Prepared:
    """What feeds a match, and the run that records it."""

    source: PlaySource
    run: Path


class _Cancelled(BaseException):
    """The person went away while a model was compressed; no `except Exception` on the way stops it."""


class PreparingPage(Widget):
    """Who is getting ready, and how far compressing is; `clock` draws it anew."""

    clock: reactive[float] = reactive(0.0)

    def __init__(self, what: str, contestants: Sequence[str]) -> None:
        super().__init__()
        self._what, self._contestants = what, contestants
        self._since = time.monotonic()
        self.steps: dict[str, Progress] = {}
        """How far each `MODEL+RECIPE` is that is compressed now; written by another thread."""

    def render(self) -> Content:
        """Draw the contestants, one a line."""
        width = self.content_size.width
        lines = [Content.assemble(("task  ", "$foreground-muted"), literal_line(self._what, 60)), Content("")]
        lines += [self._contestant(typed, width) for typed in self._contestants]
        seconds = time.monotonic() - self._since
        note = "models are read, and compressed where they were not before"
        lines += [Content(""), Content.styled(f"{seconds:.0f} s · {note}", "$foreground-muted")]
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)

    def _contestant(self, typed: str, width: int) -> Content:
        name = Content(f"{literal_line(typed, 40):<28} ")
        step = next((step for key, step in self.steps.items() if typed.endswith(key)), None)
        if step is None:
            return name
        done = step.done / step.total if step.total else 0.0
        said = f" {literal_line(step.stage, 20)} {literal_line(step.layer, 40)}"
        return name + bar(done, max(width // 4, 4), "$accent") + Content.styled(said, "$foreground-muted")


class PreparingScreen(ModalScreen[Prepared | ArenaError | None]):
    """Dismissed with what was got ready; with what went wrong; or with None: cancelled."""

    BINDINGS = [("escape,q,ctrl+c", "cancel", "Cancel")]  # noqa: RUF012 - Textual's own form

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self._what, self._contestants = choice.what, tuple(choice.contestants)
        self._page = PreparingPage(self._what, self._contestants)

    def compose(self) -> ComposeResult:
        """Yield one page."""
        with Vertical(id="preparing") as box:
            box.border_title = Content(" Getting ready ")
            box.border_subtitle = Content(" esc cancels ")
            yield self._page

    def on_mount(self) -> None:
        """Begin."""
        self.set_interval(CLOCK_S, self._tick)
        self.run_worker(self._prepare, thread=True, group="prepare", exit_on_error=False)

    def action_cancel(self) -> None:
        """Stop at the next step, and go back."""
        self.workers.cancel_node(self)
        self.dismiss(None)

    def _tick(self) -> None:
        self._page.clock = time.monotonic()

    def _prepare(self) -> None:
        worker = get_current_worker()

        def listen(name: str, step: "Progress") -> None:
            if worker.is_cancelled:
                raise _Cancelled
            self._page.steps[name] = step

        result: Prepared | ArenaError
        try:
            result = prepare(self._what, self._contestants, listen)
        except _Cancelled:
            return
        except (ArenaError, EnvsError, CompressError) as problem:
            result = ArenaError(problem.message, problem.next_step)
        except Exception as problem:  # noqa: BLE001 - whatever a model's files do to its library: the app stays
            result = ArenaError(f"unexpected {type(problem).__name__}: {problem}")
        if not worker.is_cancelled:
            self.app.call_from_thread(self.dismiss, result)


def prepare(what: str, contestants: Sequence[str], on_compress: Listener) -> Prepared:
    """Return what feeds a match, and its run; compresses models where they were not before.

    Raises `ArenaError`, `EnvsError` or `CompressError`.
    """
    plan, engines = line_up(suite_of(what, "text"), contestants, on_compress=on_compress)
    run = runs_folder() / plan.id
    return Prepared(PlaySource(plan, run, engines), run)
