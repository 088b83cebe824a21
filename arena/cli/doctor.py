"""`arena doctor`: what is installed, what is missing, and the one command that mends it."""

from arena.cli.options import Json


def doctor(as_json: Json = False) -> None:
    """Check Python, packages, Java, models and data; every missing thing comes with its command."""
    from dataclasses import asdict

    from rich.text import Text

    from arena.cli.output import print_json, print_table
    from arena.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return
    marks = {"ok": Text("ok", style="green"), "missing": Text("missing", style="yellow")}
    print_table(
        ("what", "state", "found", "mend"),
        [(each.what, marks[each.state], each.found, each.mend) for each in findings],
    )
