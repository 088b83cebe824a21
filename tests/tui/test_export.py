"""`e`: the screen as a file."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from arena.errors import ArenaError
from tests.tui.fakes import FakeSource, turn
from tests.tui.screens import Driver, driving
from tui import exporting

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def match() -> FakeSource:
    source = FakeSource(steered=True)
    source.start("base")
    source.played("base", turn(0, outcome="[red]a\x1b[31m ball & <b>"))
    return source


async def files_in(pilot: Pilot, folder: Path, count: int = 1) -> list[Path]:
    """The files of a folder once there are so many, and they are written."""
    for _ in range(600):
        found = written(folder)
        if len(found) >= count:
            return found
        await pilot.pause(0.05)
    raise AssertionError(f"{folder} has only {written(folder)}")


def written(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.stat().st_size)


async def exported(driver: Driver, key: str, folder: Path, count: int = 1) -> list[Path]:
    await driver.settle()
    await driver.press("e")
    assert "Export this view as" in await driver.text()
    await driver.press(key)
    return await files_in(driver.pilot, folder, count)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_text_is_the_lines_of_the_screen_without_the_menu(here: Path):
    async with driving(match()) as driver:
        (path,) = await exported(driver, "t", here)
        assert path.name.startswith("arena-match-")
        assert path.suffix == ".txt"
        text = path.read_text("utf-8")
        assert "[red]a␛[31m ball & <b>" in text
        assert "Export this view" not in text
        assert len(text.splitlines()) == 40
        assert path.name in await driver.text_with("written to")


async def test_svg_holds_the_words_as_text(here: Path):
    async with driving(match()) as driver:
        (path,) = await exported(driver, "s", here)
    drawing = path.read_text("utf-8")
    assert drawing.startswith("<svg")
    assert "&lt;b&gt;" in drawing
    assert "\x1b" not in drawing


async def test_png_is_an_image_with_something_on_it(here: Path):
    pytest.importorskip("resvg_py")
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    async with driving(match()) as driver:
        (path,) = await exported(driver, "p", here)
    assert path.read_bytes().startswith(PNG_MAGIC)
    pixels = image.open(path).convert("RGB")
    assert pixels.width == exporting.IMAGE_WIDTH_PX
    # where the font is missing, only frames and backgrounds are drawn: some twenty colours
    assert len(pixels.getcolors(1_000_000)) > 200


def test_the_fonts_of_an_image_have_the_dots_that_plots_are_drawn_with():
    from matplotlib.ft2font import FT2Font

    assert any(FT2Font(path).get_char_index(0x28FF) for path in exporting._fonts())


async def test_nothing_is_ever_overwritten(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting.time, "strftime", lambda form: "now")
    (here / "arena-match-now.txt").write_text("mine")
    async with driving(match()) as driver:
        found = await exported(driver, "t", here, 2)
        assert [path.name for path in found] == ["arena-match-now-2.txt", "arena-match-now.txt"]
    assert (here / "arena-match-now.txt").read_text() == "mine"


async def test_a_missing_package_is_named_in_the_menu_and_can_not_be_chosen(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    async with driving(match()) as driver:
        await driver.settle()
        await driver.press("e", "p")
        assert "pip install 'arena[plots]'" in await driver.text()
        await driver.press("escape")
        assert "Export this view" not in await driver.text()
    with pytest.raises(ArenaError, match="resvg-py"):
        exporting.png("<svg/>")
    assert written(here) == []


async def test_a_folder_that_can_not_be_written_is_an_error_on_screen(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    def no_space(*ignored: object) -> Path:
        raise ArenaError("No space left")

    monkeypatch.setattr(exporting, "write_new", no_space)
    async with driving(match()) as driver:
        await driver.settle()
        await driver.press("e", "t")
        assert "No space left" in await driver.text_with("No space left")


def test_a_path_that_is_no_folder_is_an_error_of_ours(tmp_path: Path):
    with pytest.raises(ArenaError, match="can't be written"):
        exporting.write_new(tmp_path / "absent", "arena-match-now", "txt", b"x")


async def test_the_menu_can_be_used_with_arrows_and_enter(here: Path):
    async with driving(match()) as driver:
        await driver.settle()
        await driver.press("e", "end", "enter")
        (path,) = await files_in(driver.pilot, here)
        await asyncio.sleep(0)
    assert path.suffix == ".txt"
