"""The report in sentences: a verdict for each contestant, flipped tasks, notes, provenance."""

from collections.abc import Mapping
from typing import Any

from arena.report.tables import difference_cells, p_value, percent, places, points_with_interval
from arena.verdict import points
from arena.words import counted

MOST_FLIPS = 6
"""So many tasks of each kind are named; the JSON has them all."""
_RECOVERED_MEASURES = {"progress": "progress", "valid_call_rate": "valid calls"}
_OTHER_MEASURES = {"success": "success", "valid_call_rate": "valid calls"}


def recommendation(document: Mapping[str, Any]) -> list[str]:
    """Return which contestant to ship, in one sentence, then how sure that is and what is open."""
    said = document["headline"]
    caution = [said["caution"]] if said["caution"] else []
    return [f"{said['text']}.", *caution, *said["why"]]


def verdicts(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return benchmark -> (contestant, verdict with its numbers); the baseline has none.

    Where the baseline can't do a benchmark, that is all there is to say, of nobody.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for benchmark, name, values in places(document):
        if name == document["baseline"]:
            continue
        said = values.get("verdict", "nothing to pair")
        if values.get("verdict_kind") == "no_base":
            found[benchmark] = [("", said)]
            continue
        parts = [f"{said} {_numbers(values)}".rstrip()]
        for measure, called in _OTHER_MEASURES.items():
            other = values.get("measures", {}).get(measure, {})
            if other.get("verdict_kind") in ("worse", "better"):
                parts.append(f"{called}: {other['verdict']}")
        found.setdefault(benchmark, []).append((name, "; ".join(parts)))
    return found


def floors(document: Mapping[str, Any]) -> list[str]:
    """Return for each benchmark whether the baseline can do it, where a floor is known."""
    return [
        f"{benchmark}: the base {'clears' if check['cleared'] else 'does not clear'} the floor "
        f"(progress {points(check['progress'])}, floor {points(check['floor'])}: {check['source']})"
        for benchmark, check in document.get("floors", {}).items()
        if check["cleared"] is not None
    ]


def recovered(document: Mapping[str, Any]) -> list[str]:
    """Return what constrained decoding brought back, for each contestant that was also played with it."""
    said = []
    for row in document.get("recovered", ()):
        parts = []
        for measure, called in _RECOVERED_MEASURES.items():
            if found := row.get(measure):
                free, constrained = percent(found["free"]), percent(found["constrained"])
                points_gained, interval = points_with_interval(found["gained"], found["gained_ci"])
                share = _of_loss(row, found, document["baseline"])
                parts.append(f"{called} {free} → {constrained}, {points_gained} points {interval}{share}")
        said.append(
            f"{row['benchmark']}, {row['contestant']} constrained ({row['constrained']}): {'; '.join(parts)}"
        )
    return said


def with_errors(document: Mapping[str, Any]) -> list[str]:
    """Return the means that count errors as 0, beside those without, where there were errors."""
    return [
        f"{benchmark}, {name}: progress {percent(values['progress_with_errors'])} instead of "
        f"{percent(values['progress'])}, success {percent(values['success_with_errors'])} instead of "
        f"{percent(values['success'])} ({values['errors']} errors)"
        for benchmark, name, values in places(document)
        if values["errors"]
    ]


def flipped(document: Mapping[str, Any]) -> list[str]:
    """Return which tasks each contestant lost and gained against the baseline."""
    said = []
    for name, found in document.get("flips", {}).items():
        for kind, words in (("lost", "lost"), ("gained", "gained")):
            tasks = [each["task"] for each in found[kind]]
            if tasks:
                more = f" and {len(tasks) - MOST_FLIPS} more" if len(tasks) > MOST_FLIPS else ""
                said.append(f"{name} {words} {len(tasks)}: {', '.join(tasks[:MOST_FLIPS])}{more}")
    return said


def sizes(document: Mapping[str, Any]) -> list[str]:
    """Return how large each model is, against the baseline's."""
    said = []
    for name, fields in document.get("overall", {}).items():
        if fields.get("size_bytes"):
            ratio = fields["size_ratio"]
            times = f" ({100 * ratio:.0f} % of the base)" if ratio and name != document["baseline"] else ""
            said.append(f"{name}: {fields['size_bytes'] / 1e6:,.1f} MB{times}")
    return said


def provenance(document: Mapping[str, Any]) -> list[str]:
    """Return what was played where, with which versions, hashes, seeds, data and scorers."""
    said = []
    for run in document.get("provenance", {}).get("runs", ()):
        packages = ", ".join(f"{name} {version}" for name, version in run["packages"].items())
        seeds = ", ".join(map(str, run["seeds"]))
        parts = [
            f"suite {run['suite']}, {run['tasks']} tasks, seeds {seeds}",
            ", ".join(filter(None, (f"arena {run['arena']}", packages))),
            run["machine"].get("system", ""),
            f"begun {run['created']}",
        ]
        # logs of other harnesses tell neither packages nor a machine
        said.append("; ".join(filter(None, parts)))
    for benchmark, data in document.get("provenance", {}).get("data", {}).items():
        sources = ", ".join(f"{count} {source}" for source, count in data["sources"].items())
        version = data["grading_version"]
        graded = [] if version is None else [f"grading version {version}"]
        graded += [f"{key} {', '.join(data[key])}" for key in ("scoring", "encoder") if data[key]]
        said.append("; ".join([f"{benchmark}: tasks {sources}", *graded]))
    hashes = (f"{name} {agent['hash']}" for name, agent in document.get("agents", {}).items())
    return [*said, "contestants " + ", ".join(hashes)]


def _of_loss(row: Mapping[str, Any], found: Mapping[str, Any], baseline: str) -> str:
    if row["contestant"] == baseline:
        return ""
    if found["share"] is None:
        return f", no loss proven (base {percent(found['base'])})"
    return f", {100 * found['share']:.0f} % of the loss (base {percent(found['base'])})"


def _numbers(values: Mapping[str, Any]) -> str:
    if "delta" not in values:
        return ""
    delta, interval, _ = difference_cells(values)
    detectable = values.get("mde")
    shows = f" could show {points(detectable)} points" if detectable is not None else ""
    tasks = counted(values["pairs"], "task")
    return f"({delta} {interval}, p {p_value(values['p_holm'])}; {tasks}{shows})"
