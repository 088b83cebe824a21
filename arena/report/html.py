"""The report as one HTML page that needs nothing else: no network, no script, no file beside it.

Text from outside reaches it through `arena/report/markup.py` alone, which only ever makes text of it. A
Content-Security-Policy forbids the rest besides: scripts, other styles, images, frames, connections.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.report import sections
from arena.report.blocks import bullets
from arena.report.markup import Html, element
from arena.report.replies import Parting, partings
from arena.report.sides import flips
from arena.report.words import style, words
from arena.verdict import WORTH_RULING_OUT, points

MOST_LOST_OPENED, MOST_GAINED_OPENED = 10, 5
"""So many flipped tasks of a contestant are shown with both replies."""


def html_page(document: Mapping[str, Any], runs: Sequence[Path]) -> str:
    """Return the page of a report document; flipped tasks are opened in `runs`, which are the document's.

    Raises `StoreError` where a run can't be read.
    """
    return "<!DOCTYPE html>\n" + element("html", _head(document), _body(document, runs), lang="en") + "\n"


def _head(document: Mapping[str, Any]) -> Html:
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{document['run']} · Arena report"),
        element("style", Html(style())),
    )


def _body(document: Mapping[str, Any], runs: Sequence[Path]) -> Html:
    shown = dict(_sections(document, _opened(document, runs)))
    texts = words()["sections"]
    nav = [element("a", texts[name]["title"], href=f"#{name}") for name in shown]
    drawn = [
        element(
            "section",
            element("h2", texts[name]["title"]),
            element("p", texts[name]["text"], class_="quiet") if texts[name]["text"] else None,
            section,
            id=name,
        )
        for name, section in shown.items()
    ]
    notes = bullets(document["notes"])
    return element(
        "body",
        element("header", element("h1", document["run"]), element("p", _played(document), class_="quiet")),
        element(
            "main",
            _banner(document),
            element("aside", element("h2", "Notes"), notes) if notes else None,
            element("nav", nav),
            drawn,
        ),
        element("footer", _reading()),
    )


def _sections(
    document: Mapping[str, Any], opened: Mapping[tuple[str, str], Parting]
) -> Iterator[tuple[str, Html]]:
    """Yield the sections that have something to say, in the order of `words.toml`."""
    drawn = {
        "verdicts": sections.verdicts(document),
        "scores": sections.scores(document),
        "pareto": sections.size_against_score(document),
        "tasks": sections.task_map(document),
        "needle": sections.needle_map(document),
        "failures": sections.failures(document),
        "recovered": sections.recovered(document),
        "flips": flips(document, opened),
        "cost": sections.cost(document),
        "floors": sections.floors(document),
        "errors": sections.errors(document),
        "provenance": sections.provenance(document),
    }
    for name in words()["sections"]:
        if section := drawn[name]:
            yield name, section


def _opened(document: Mapping[str, Any], runs: Sequence[Path]) -> dict[tuple[str, str], Parting]:
    asked = [
        (name, each["hash"])
        for name, found in document["flips"].items()
        for each in (*found["lost"][:MOST_LOST_OPENED], *found["gained"][:MOST_GAINED_OPENED])
    ]
    return partings(runs, document, asked)


def _banner(document: Mapping[str, Any]) -> Html:
    said = document["headline"]
    sign = element("span", words()["headlines"][said["kind"]], class_="sign", aria_hidden="true")
    return element(
        "div",
        sign,
        element(
            "div",
            element("p", said["text"], class_="headline"),
            element("p", said["caution"], class_="warning") if said["caution"] else None,
            bullets(said["why"]),
        ),
        class_=f"banner {said['kind']}",
    )


def _played(document: Mapping[str, Any]) -> str:
    tasks = {benchmark: len(rows) for benchmark, rows in document["tasks"].items()}
    episodes = sum(fields["episodes"] for fields in document["overall"].values())
    played = (
        ", ".join(f"{benchmark} ({count:,} tasks)" for benchmark, count in tasks.items()) or "no task yet"
    )
    begun = [str(run["created"])[:10] for run in document["provenance"]["runs"] if run["created"]]
    others = len(document["contestants"]) - 1
    who = "1 contestant" if others == 1 else f"{others} contestants"
    return f"{who} against {document['baseline']} on {played}: {episodes:,} episodes" + (
        f", begun {min(begun)}" if begun else ""
    )


def _reading() -> Html:
    reading = words()["reading"]
    lines = [line.replace("{margin}", points(WORTH_RULING_OUT)) for line in reading["lines"]]
    return element("details", element("summary", reading["title"]), bullets(lines))
