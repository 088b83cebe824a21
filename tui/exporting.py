"""`e`: what is on screen as a file, for an issue or a paper."""

import asyncio
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from arena.errors import ArenaError
from tui.literal import literal

Format = Literal["svg", "png", "txt"]

IMAGE_WIDTH_PX = 1_600
MOST_OF_A_NAME = 1_000
"""How many files may be made of one screen in one second."""


@dataclass(frozen=True)
class Form:
    """A form of export: its key in the menu, what it is for, and the packages that it needs."""

    key: str
    title: str
    use: str
    packages: tuple[str, ...] = ()

    def mend(self) -> str:
        """Return the command that installs what is missing; empty where nothing is."""
        missing = any(find_spec(package) is None for package in self.packages)
        return "pip install 'arena[plots]'" if missing else ""


FORMS: Mapping[Format, Form] = {
    "svg": Form("s", "SVG", "a drawing that stays sharp, for papers and web pages"),
    # matplotlib brings the font, which makes the image the same everywhere
    "png": Form("p", "PNG", "an image, for issues and slides", ("resvg_py", "matplotlib")),
    "txt": Form("t", "Text", "the lines as they are, without colours"),
}


class ExportScreen(ModalScreen[Format | None]):
    """Asks for the form of export; dismissed with it, or with None."""

    BINDINGS = [  # noqa: RUF012
        ("escape,q", "dismiss(None)", "Close"),
        *((form.key, f"choose('{format_}')", form.title) for format_, form in FORMS.items()),
    ]

    def compose(self) -> ComposeResult:
        """Yield the forms."""
        menu = OptionList(*(_option(format_, form) for format_, form in FORMS.items()), id="export")
        menu.border_title = Content(" Export this view as ")
        menu.border_subtitle = Content(" enter chooses · escape closes ")
        yield menu

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Close with what was chosen."""
        self.action_choose(str(message.option.id))

    def action_choose(self, format_: str) -> None:
        """Close with a form, if it can be made here."""
        chosen = next(each for each in FORMS if each == format_)
        if not FORMS[chosen].mend():
            self.dismiss(chosen)


def _option(format_: Format, form: Form) -> Option:
    mend = form.mend()
    words = f"needs a package: {mend}" if mend else form.use
    line = Content.assemble(
        (f" {form.key}  ", "bold $text-accent"), f"{form.title:<5}", (words, "$text-muted")
    )
    return Option(line, id=format_, disabled=bool(mend))


def offer(app: App[None], folder: Path | None = None) -> None:
    """Ask for a form, and write what is on screen now to a new file in `folder` (default: where we are).

    In a browser (`arena play --serve`) the file is downloaded there instead. Says where it is, or why it
    could not be made.
    """

    def chosen(format_: Format | None) -> None:
        if format_ is not None:
            # the menu shall have left the screen first
            app.call_after_refresh(lambda: app.run_worker(_export(app, format_, folder or Path())))

    app.push_screen(ExportScreen(), chosen)


async def _export(app: App[None], format_: Format, folder: Path) -> None:
    name = f"arena-{_name(app.screen)}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        content = await exported(app, format_)
        if app.is_web:
            app.deliver_binary(io.BytesIO(content), save_filename=f"{name}.{format_}")
            return
        path = await asyncio.to_thread(write_new, folder, name, format_, content)
    except ArenaError as error:
        words = f"{error.message} ({error.next_step})" if error.next_step else error.message
        app.notify(literal(words), severity="error", timeout=10, markup=False)
    else:
        app.notify(literal(f"written to {path}"), timeout=8, markup=False)


async def exported(app: App[None], format_: Format) -> bytes:
    """Return what is on screen in this form. Raises `ArenaError` where a package is missing."""
    if format_ == "txt":
        return screen_text(app.screen).encode("utf-8")
    drawing = app.export_screenshot(title=app.title)
    return drawing.encode("utf-8") if format_ == "svg" else await asyncio.to_thread(png, drawing)


def screen_text(screen: Screen[object]) -> str:
    """Return a screen as lines of text, without the blanks at their ends."""
    strips = screen._compositor.render_strips()  # Textual's own screenshots are made of these
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def png(drawing: str) -> bytes:
    """Return an SVG of Textual's as PNG. Raises `ArenaError` where that can't be done here."""
    if mend := FORMS["png"].mend():
        raise ArenaError("PNG images need the packages resvg-py and matplotlib", mend)
    import resvg_py

    family = "DejaVu Sans Mono"
    drawing = drawing.replace('font-family: "Fira Code"', f'font-family: "{family}"')
    drawing = drawing.replace("font-family: Fira Code, monospace", f'font-family: "{family}"')
    drawing = drawing.replace("font-family: arial", f'font-family: "{family}"')
    try:
        image = resvg_py.svg_to_bytes(
            svg_string=drawing, width=IMAGE_WIDTH_PX, skip_system_fonts=True, font_files=_fonts()
        )
    except ValueError as error:
        raise ArenaError(f"the drawing can't be made an image: {error}") from None
    return bytes(image)


def write_new(folder: Path, name: str, suffix: str, content: bytes) -> Path:
    """Write a file that did not exist before, and return its path. Raises `ArenaError` where it can't."""
    for number in range(1, MOST_OF_A_NAME):
        path = folder / (f"{name}.{suffix}" if number == 1 else f"{name}-{number}.{suffix}")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        except OSError as error:
            raise ArenaError(
                f"{path} can't be written: {error.strerror}", "start arena in a folder of yours"
            ) from None
        return path
    raise ArenaError(f"{folder / name} exists {MOST_OF_A_NAME} times", "wait a second")


def _name(screen: Screen[object]) -> str:
    return type(screen).__name__.removesuffix("Screen").lower() or "screen"


def _fonts() -> list[str]:
    spec = find_spec("matplotlib")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    # plots are drawn in braille, which only the font of varying width has
    return [str(path) for path in (*sorted(folder.glob("DejaVuSansMono*.ttf")), folder / "DejaVuSans.ttf")]
