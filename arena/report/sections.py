"""The page's sections, each drawn from the report document; None where there is nothing to say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from arena.report import heatmaps, sentences, tables
from arena.report.blocks import bullets, folded, scrolled, table
from arena.report.charts import Mark, interval, pareto, stacked
from arena.report.markup import Html, element
from arena.report.words import words

Document = Mapping[str, Any]
MOST_KINDS = 7
"""So many kinds of failure have a colour of their own."""
MOST_NEEDLE_MAPS = 16
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
LARGEST_SCALE = 0.4
"""Differences are drawn up to here; beyond it an arrow stands, so that small ones can be told apart."""


def verdicts(document: Document) -> Html | None:
    """Return a card a contestant: size, verdict over all benchmarks."""
    base = document["baseline"]
    cards = [_card(document, name, fields) for name, fields in document["overall"].items() if name != base]
    return element("ul", cards, class_="cards") if cards else None


def scores(document: Document) -> Html | None:
    """Return a table a benchmark, and one for all together where there are several."""
    by_benchmark: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for benchmark, name, fields in tables.places(document):
        by_benchmark.setdefault(benchmark, []).append((name, fields))
    compared = [fields for rows in by_benchmark.values() for _, fields in rows if "ci" in fields]
    reach = max([0.2, *(abs(end) for fields in compared for end in fields["ci"])])
    reach = min(reach, LARGEST_SCALE)
    drawn = [_scores_of(document, name, rows, reach) for name, rows in by_benchmark.items()]
    return element("div", drawn) if drawn else None


def size_against_score(document: Document) -> Html | None:
    """Return the drawing of size against progress, or why there is none."""
    base, overall = document["baseline"], document["overall"]
    sized = {
        name: fields
        for name, fields in overall.items()
        if fields.get("size_bytes") and fields.get("progress") is not None
    }
    if len(overall) < 2:
        return None
    if len(sized) < 2:
        return element("p", "Not drawn: the size of the contestants isn't known.", class_="quiet")
    marks = []
    for name, fields in sized.items():
        size, score = fields["size_bytes"], fields["progress"]
        beaten = any(
            (other["size_bytes"], -other["progress"]) != (size, -score)
            and other["size_bytes"] <= size
            and other["progress"] >= score
            for other in sized.values()
        )
        low, high = _moved(fields, score) if "ci" in fields else (None, None)
        marks.append(Mark(name, size, score, low, high, name == base, not beaten))
    left_out = len(overall) - len(sized)
    note = element("p", f"{left_out} without a known size or score left out.", class_="quiet")
    return element("div", scrolled(pareto(marks)), note if left_out else None)


def task_map(document: Document) -> Html | None:
    """Return the heat map of each benchmark."""
    names, base, tasks = list(document["contestants"]), document["baseline"], document["tasks"]
    count = heatmaps.room(len(tasks), len(names))
    drawn = [_tasks_of(benchmark, rows, names, base, count) for benchmark, rows in tasks.items()]
    return element("div", drawn) if drawn else None


def needle_map(document: Document) -> Html | None:
    """Return a grid a contestant, where needle tasks were played."""
    rows = document["tasks"].get("needle", ())
    cells = {name: heatmaps.needle_cells(rows, name) for name in document["contestants"]}
    played = {name: found for name, found in cells.items() if found}
    if not played:
        return None
    grids = [
        element("figure", element("figcaption", name), scrolled(heatmaps.needle_grid(found)))
        for name, found in list(played.items())[:MOST_NEEDLE_MAPS]
    ]
    left_out = element("p", f"The first {len(grids)} of {len(played)} contestants.", class_="quiet")
    return element(
        "div", left_out if len(grids) < len(played) else None, element("div", grids, class_="grids")
    )


def failures(document: Document) -> Html | None:
    """Return what failed: a bar a contestant, and each kind against the base."""
    counts, overall = document["failures"], document["overall"]
    if not counts:
        return None
    per_episode = {
        name: {
            kind: count / max(1, overall[name]["episodes"]) for kind, count in counts.get(name, {}).items()
        }
        for name in overall
    }
    total: Counter[str] = Counter()
    for kinds in per_episode.values():
        total.update(kinds)
    named = [kind for kind, _ in total.most_common(MOST_KINDS)]
    order = [*named, "other"] if len(total) > len(named) else named
    bars = {name: _with_other(kinds, named) for name, kinds in per_episode.items()}
    longest = max(sum(kinds.values()) for kinds in bars.values())
    legend = [element("li", element("i", class_=f"k{index}"), kind) for index, kind in enumerate(order)]
    any_kind = {name: found.get("any") for name, found in document["failures_compared"].items()}
    body = [
        (name, stacked(kinds, order, longest), f"{sum(kinds.values()):.2f}", _p_starred(any_kind.get(name)))
        for name, kinds in bars.items()
    ]
    columns = ("contestant", "by kind", ">per episode", ">p, against the base")
    rows = [
        (*row[:-1], _p_starred(document["failures_compared"].get(row[0], {}).get(row[1])))
        for row in tables.failure_rows(document)
    ]
    return element(
        "div",
        element("ul", legend, class_="legend"),
        table(columns, body),
        folded(f"Every kind: {len(rows)} rows", table(tables.FAILURE_COLUMNS, rows)),
    )


def recovered(document: Document) -> Html | None:
    """Return what constrained decoding brought back, where contestants were played with it and without."""
    rows = tables.recovered_rows(document)
    return table(tables.RECOVERED_COLUMNS, rows) if rows else None


def cost(document: Document) -> Html:
    """Return what each contestant takes: size, tokens, seconds, turns, each beside the base's."""
    overall = document["overall"]
    base = overall[document["baseline"]]
    rows = []
    for name, fields in overall.items():
        size = fields.get("size_bytes")
        cells = [name, f"{size / 1e6:,.1f}" if size else "unknown", _share(size, base.get("size_bytes"))]
        for key, digits in (("tokens", 0), ("time_s", 1), ("turns", 1)):
            value = fields.get(key)
            cells += ["-" if value is None else f"{value:,.{digits}f}", _share(value, base.get(key))]
        rows.append(cells)
    columns = (
        "contestant",
        ">size, MB",
        ">of base",
        ">tokens",
        ">of base",
        ">s",
        ">of base",
        ">turns",
        ">of base",
    )
    return table(columns, rows)


def floors(document: Document) -> Html | None:
    """Return whether the base clears its floors."""
    return bullets(sentences.floors(document))


def errors(document: Document) -> Html | None:
    """Return the means with errors as 0."""
    return bullets(sentences.with_errors(document))


def provenance(document: Document) -> Html:
    """Return versions, seeds, data and scorers, and who each contestant is."""
    rows = [
        (
            name,
            agent["spec"],
            element("code", agent["hash"]),
            agent["engine"],
            ", ".join(f"{key}={value}" for key, value in agent["options"].items()),
        )
        for name, agent in document["agents"].items()
    ]
    said = [*tables.import_remarks(document), *sentences.provenance(document)[:-1]]
    return element("div", bullets(said), table(("contestant", "spec", "hash", "engine", "options"), rows))


def badge(kind: str | None) -> Html:
    """Return a verdict's sign and word."""
    known = words()["verdicts"]
    kind = kind if kind in known else "none"
    sign, word = known[kind]
    return element("span", sign, " ", word, class_=f"badge {kind}")


def _moved(fields: Mapping[str, Any], score: float) -> list[float]:
    """Return the ends of a difference's interval, round a score, in its bounds."""
    return [min(1.0, max(0.0, score + end - fields["delta"])) for end in fields["ci"]]


def _card(document: Document, name: str, fields: Mapping[str, Any]) -> Html:
    ratio, size_bytes = fields.get("size_ratio"), fields.get("size_bytes")
    known = f"{size_bytes / 1e6:,.1f} MB" if size_bytes else "size unknown"
    size = f"{known}, {100 * ratio:.0f} %" if ratio else known
    return element(
        "li",
        element("h3", name),
        element("p", badge(fields.get("verdict_kind")), " ", element("small", size)),
        element("p", fields.get("verdict", "nothing to pair with the base yet")),
        class_="card",
    )


def _scores_of(
    document: Document, benchmark: str, rows: Sequence[tuple[str, Mapping[str, Any]]], reach: float
) -> Html:
    columns = (
        *("contestant", ">tasks", ">progress", ">success", "Δ progress", ">p (Holm)", "verdict"),
        *(">Δ success", ">valid calls", ">grounding", ">turns"),
    )
    body = []
    for name, fields in rows:
        is_base = name == document["baseline"]
        success = fields.get("measures", {}).get("success")
        owed = f", {fields['errors']} owed" if fields["errors"] else ""
        body.append(
            (
                name,
                f"{fields.get('tasks') or fields['episodes']:,}{owed}",
                _mean(fields, "progress"),
                _mean(fields, "success"),
                "the base" if is_base else _difference(fields, reach),
                None if is_base else _p_starred(fields),
                None if is_base else _judged(fields),
                _points_starred(success),
                tables.percent(fields.get("valid_call_rate")),
                tables.percent(fields.get("grounding")),
                "-" if fields.get("turns") is None else f"{fields['turns']:.1f}",
            )
        )
    return element("section", element("h3", benchmark), table(columns, body), class_="benchmark")


def _mean(fields: Mapping[str, Any], measure: str) -> Html:
    ends = fields.get(f"{measure}_ci")
    small = f"[{100 * ends[0]:.0f}, {100 * ends[1]:.0f}]" if ends else ""
    tries = (fields.get("pass_hat_k") or {}) if measure == "success" else {}
    shown = [f"{small}"] + [f"pass^{k} {tables.percent(rate)}" for k, rate in tries.items() if str(k) != "1"]
    return element(
        "span", tables.percent(fields.get(measure)), element("small", " ".join(shown)), class_="mean"
    )


def _difference(fields: Mapping[str, Any], reach: float) -> Html | str:
    if "ci" not in fields:
        return "nothing to pair"
    delta, ends, _ = tables.difference_cells(fields)
    low, high = fields["ci"]
    return element(
        "span",
        interval(fields["delta"], low, high, reach),
        element("small", f"{delta} {ends}"),
        class_="mean",
    )


def _judged(fields: Mapping[str, Any]) -> Html:
    return element(
        "details", element("summary", badge(fields.get("verdict_kind"))), fields.get("verdict", "")
    )


def _points_starred(measure: Mapping[str, Any] | None) -> Html | str | None:
    return None if measure is None else _starred(f"{100 * measure['delta']:+.1f}", measure["p_holm"])


def _p_starred(found: Mapping[str, Any] | None) -> Html | str | None:
    """Return the corrected p-value of a comparison; nothing where there is none."""
    p = None if found is None else found.get("p_holm")
    return None if p is None else _starred(tables.p_value(p), p)


def _starred(text: str, p: float) -> Html | str:
    """Return a number with its mark of significance."""
    mark = next((mark for limit, mark in _STARS if p < limit), "")
    return element("span", text, element("b", mark, class_="stars"), class_="p") if mark else text


def _with_other(kinds: Mapping[str, float], named: Sequence[str]) -> dict[str, float]:
    bar = {kind: kinds[kind] for kind in named if kind in kinds}
    other = sum(count for kind, count in kinds.items() if kind not in named)
    return bar | ({"other": other} if other else {})


def _tasks_of(benchmark: str, rows: heatmaps.Rows, names: Sequence[str], base: str, count: int) -> Html:
    shown = heatmaps.most_telling(rows, base, count)
    cut = f"The {len(shown)} tasks of {len(rows):,} on which contestants differ most from the base."
    labels = element("ul", [element("li", name) for name in names], class_="names")
    strips = [
        element("div", labels, scrolled(strip), class_="strip")
        for strip in heatmaps.task_strips(shown, names, base)
    ]
    note = element("p", cut, class_="quiet") if len(shown) < len(rows) else None
    return element("section", element("h3", benchmark), note, strips, class_="benchmark")


def _share(value: float | None, base: float | None) -> str:
    return f"{100 * value / base:.0f} %" if value is not None and base else ""
