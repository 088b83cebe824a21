import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app
from arena.errors import ArenaError
from arena.literal import literal
from arena.protocol.base import FailureKind
from arena.report.charts import ticks
from arena.report.document import report_document
from arena.report.heatmaps import most_telling, needle_cells
from arena.report.html import html_page
from arena.report.markup import element
from arena.report.replies import partings
from arena.report.sides import MOST_FLIPS_NAMED
from tests.arena.report.made_runs import make_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "]]><svg onload=alert(1)>--><!--",
    "&lt;b&gt;&#x3c;i&#x3e;",
    "\x1b[2J\x1b]8;;http://evil\x07\x00",
    "\u202egnp.exe\u2066\u200b",
    "</title></details></table><base href=//evil>",
)


class Parsed(HTMLParser):
    """What a browser would find: elements with their attributes' names, attributes' values, texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.values: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(*runs: Path) -> str:
    return html_page(report_document(*runs), runs)


def hostile_run(folder: Path, text: str) -> Path:
    benchmark = f"b{text}".replace("/", "|")
    scores = {
        "base": {benchmark: [1.0] * 12, "needle": [1.0] * 4},
        f"x{text}": {benchmark: [0.0, 1.0, None, 0.5] * 3, "needle": [0.0] * 4},
    }
    sizes = {"base": 2_000_000, f"x{text}": 500_000}
    failures = {f"x{text}": FailureKind.NOT_JSON}
    return make_run(folder / "run", scores, sizes=sizes, failures=failures, reply=f"say {text}")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_element_and_no_attribute_comes_from_names_or_replies(tmp_path: Path, text: str):
    tame = Parsed(page_of(hostile_run(tmp_path / "tame", "tame")))
    page = page_of(hostile_run(tmp_path / "hostile", text))
    found = Parsed(page)
    assert found.elements == tame.elements
    assert found.values == tame.values
    assert literal(text).replace("\n", " ") in "".join(found.texts)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2066\u200b]", page)


@settings(max_examples=200)
@given(st.text(st.characters()))
def test_any_text_in_an_element_is_only_text(text: str):
    found = Parsed(element("p", text, title=text))
    assert found.elements == [("p", "title")]
    assert "".join(found.texts) == literal(text)
    found_twice = literal(literal(text))
    assert found_twice == literal(text)
    element("p", text).encode("utf-8")


def test_hidden_characters_are_written_out():
    assert literal("a\u202eb\x1b[0m\ud800\r\nü\t") == "a<U+202E>b␛[0m<U+D800>\nü    "


def test_the_page_needs_nothing_else_and_allows_nothing_else(tmp_path: Path):
    page = page_of(hostile_run(tmp_path, "tame"))
    tags = {tag for tag, *_ in Parsed(page).elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image"}
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)
    assert policy is not None and style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert f"sha256-{digest}" in policy[1]
    assert " style=" not in page


def test_every_section_that_has_something_to_say_is_on_the_page(tmp_path: Path):
    text = Parsed(page_of(hostile_run(tmp_path, "tame"))).text
    for said in (
        "Ship the base: none of the others stays within 10 points of it",
        "3 episodes ended in an error",
        "▼ worse",
        "Size against progress",
        "Task by task",
        "not_json",
        "Lost: only the base solved them",
        "arena watch run",
        "0.5",
        "grading version 1",
        "hash-base",
        "With errors counted as 0",
    ):
        assert said in text, said


def test_a_flipped_task_shows_both_replies_where_they_part_and_the_command_that_opens_them(tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 3}, "it's": {"alpha": [1.0, 0.0, 1.0]}}
    run = make_run(tmp_path / "my run", scores, reply="{name} says")
    page = page_of(run)
    text = Parsed(page).text
    assert "arena debug 'my run' --turn 'alpha/1#1' --contestant 'it'\"'\"'s'" in text
    assert "base says" in text
    assert "it's says" in text
    assert text.count("both replies, and how to open it") == 1


def test_partings_are_found_in_whichever_run_holds_an_episode(tmp_path: Path):
    one = make_run(tmp_path / "one", {"base": {"alpha": [1.0]}}, reply="{name} in one")
    two = make_run(tmp_path / "two", {"other": {"alpha": [0.0]}}, reply="{name} in two")
    document = report_document(one, two)
    (lost,) = document["flips"]["other"]["lost"]
    found = partings((one, two), document, [("other", lost["hash"])])["other", lost["hash"]]
    assert (found.run, found.turn) == ("two", "alpha/0#1")
    assert (found.base_reply, found.reply) == ("base in one", "other in two")


def test_of_repeats_those_are_shown_that_ended_differently(tmp_path: Path):
    scores = {"base": {"alpha": [1.0, 1.0, 0.0]}, "other": {"alpha": [1.0, 0.0, 0.0]}}
    run = make_run(tmp_path / "run", scores, repeats=3)
    document = report_document(run)
    (lost,) = document["flips"]["other"]["lost"]
    (found,) = partings((run,), document, [("other", lost["hash"])]).values()
    assert found.turn == "alpha/0#1@1"


def test_the_page_of_a_large_run_stays_small_and_says_what_it_left_out(tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 60}, "other": {"alpha": [0.0] * 60}}
    run = make_run(tmp_path / "run", scores)
    document = report_document(run)
    (row, *_), (flip, *_) = document["tasks"]["alpha"], document["flips"]["other"]["lost"]
    document["tasks"]["alpha"] += [row | {"task": f"alpha/{index}"} for index in range(50_000)]
    document["flips"]["other"]["lost"] += [flip] * 50_000
    page = html_page(document, [run])
    assert len(page) < 500_000
    text = Parsed(page).text
    assert "The 120 tasks of 50,060 on which contestants differ most" in text
    assert f"{50_060 - MOST_FLIPS_NAMED:,} more" in text


def test_the_whole_suite_with_20_contestants_and_hostile_replies_stays_below_5_mb(tmp_path: Path):
    names = ("base", *(f"variant-{index}" for index in range(19)))
    benchmarks = ("needle", *(f"benchmark-{index}" for index in range(10)))
    scores = {name: {each: [float(name == "base")] for each in benchmarks} for name in names}
    run = make_run(tmp_path / "run", scores, reply="\u202e<&" * 5_000)
    document = report_document(run)
    for benchmark, rows in document["tasks"].items():
        grid = [
            f"{benchmark}/{length}/{depth}" for length in range(1000, 44_000, 1000) for depth in range(10)
        ]
        document["tasks"][benchmark] = [rows[0] | {"task": task} for task in grid]
    page = html_page(document, [run])
    assert len(page.encode()) < 5_000_000
    assert "The first 16 of 20 contestants" in page


def test_replies_stop_where_the_page_is_full(tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 10}} | {f"v{index}": {"alpha": [0.0] * 10} for index in range(12)}
    page = page_of(make_run(tmp_path / "run", scores, reply="\u202e" * 5_000))
    assert "The page is full: its replies are left out." in page
    assert len(page.encode()) < 5_000_000


def test_the_most_telling_tasks_are_kept_in_their_order():
    def row(name: str, base: float, other: float) -> dict:
        return {"task": name, "progress": {"b": base, "o": other}, "success": {"b": base, "o": other}}

    rows = [row("a", 1, 1), row("b", 1, 0), row("c", 1, 1), row("d", 1, 0.5)]
    assert [each["task"] for each in most_telling(rows, "b", 2)] == ["b", "d"]
    assert most_telling(rows, "b", 4) is rows


def test_needles_are_drawn_by_length_and_depth():
    rows = [
        {"task": task, "progress": {"base": 0.5}}
        for task in ("needle/1000/11", "needle/125/0", "needle/several-500/2", "needle/" + "9" * 99 + "/1")
    ]
    assert needle_cells(rows, "base") == {(1000, 11.0): 0.5, (125, 0.0): 0.5}
    assert needle_cells(rows, "other") == {}


def test_ticks_are_round_numbers():
    assert ticks(0, 11.6) == [0, 5, 10] or ticks(0, 11.6) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.53, 1.0) == [0.6, 0.7, 0.8, 0.9, 1.0]
    assert ticks(1.0, 1.0) == []


def test_a_run_that_nobody_has_played_yet_is_a_page(tmp_path: Path):
    page = page_of(make_run(tmp_path / "run", {"base": {}, "other": {}}))
    assert "Nothing is scored yet" in Parsed(page).text


def test_the_command_writes_the_page_and_says_so(tmp_path: Path):
    run, file = hostile_run(tmp_path, "tame"), tmp_path / "page.html"
    result = CliRunner().invoke(app, ["report", str(run), "--html", str(file)])
    assert result.exit_code == 0, result.output
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert result.stdout == ""
    with_json = CliRunner().invoke(app, ["report", str(run), "--html", str(file), "--json"])
    assert with_json.stdout.startswith("{")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    run = hostile_run(tmp_path, "tame")
    result = CliRunner().invoke(app, ["report", str(run), "--html", str(tmp_path / "no" / "page.html")])
    assert isinstance(result.exception, ArenaError)
    assert "can't be written" in result.exception.message


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_the_page_and_runs_nothing_of_it(tmp_path: Path):
    page = page_of(hostile_run(tmp_path, "<script>document.title='owned'</script>"))
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    shown = subprocess.run(
        [*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    assert "Ship the base: none of the others stays within 10 points of it" in shown
    assert "<title>run · Arena report</title>" in shown
    # the browser's own tree has the elements that were written
    assert len(Parsed(shown).elements) == len(Parsed(page).elements)
