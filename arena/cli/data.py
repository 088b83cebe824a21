"""`arena data`: the official data sets, which the user brings."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Json

_NAMED = 8

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the benchmarks: whether the bundled and the official tasks can be played, and what mends it."""
    from arena.cli.output import print_json, print_table, say
    from envs.official.overview import overview

    rows = overview()
    if as_json:
        print_json(rows)
        return
    print_table(
        ("benchmark", "bundled", "official", ">files", "mend"),
        [
            (
                row["benchmark"],
                row["bundled"]["state"],
                row["official"]["state"],
                row["files"],
                row["official"]["problem"] or row["official"]["mend"],
            )
            for row in rows
        ],
    )
    say(f"official data lie in {Path(rows[0]['folder']).parent}; docs/data.md says where to get them")


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A benchmark, as `arena data list` names it.")],
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder, an archive (.zip, .tar, .tar.gz) or a file.")
    ],
    as_json: Json = False,
) -> None:
    """Bring official data in: find the benchmark's files in PATH, check every record, keep all or none."""
    from dataclasses import asdict

    from arena.cli.output import doing, err, print_json, print_table, say
    from envs.official.importing import import_data

    with err().status(doing(f"looking through {path}")) as status:
        done = import_data(name, path, on_file=lambda file: status.update(doing(f"checking {file}")))
    if as_json:
        listed = [{"file": file, **asdict(kept)} for file, kept in done.files.items()]
        print_json(asdict(done) | {"folder": str(done.folder), "files": listed})
        return
    print_table(
        ("file", ">records", ">bytes", "sha256"),
        [(file, kept.records, kept.size, kept.sha256[:16]) for file, kept in done.files.items()],
    )
    for note in done.notes:
        say(f"note: {note}")
    if done.absent:
        more = len(done.absent) - _NAMED
        say(f"not there yet: {', '.join(done.absent[:_NAMED])}" + (f" and {more} more" if more > 0 else ""))
    say(f"{done.tasks} official {name} tasks can be played" + (f": {done.problem}" if done.problem else ""))


@app.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this benchmark.")] = None,
    as_json: Json = False,
) -> None:
    """Hash the official data again: is every file still what was imported? Exit code 1 where one isn't."""
    from dataclasses import asdict

    from arena.cli.output import print_json, print_table, say
    from envs import datasets
    from envs.official.catalogue import data_sets
    from envs.official.verifying import verify

    names = [name] if name else [each for each in data_sets() if (datasets.data_root() / each).is_dir()]
    verdicts = [(each, verdict) for each in names for verdict in verify(each)]
    wrong = sum(verdict.status != "ok" for _, verdict in verdicts)
    if as_json:
        print_json([{"benchmark": each, **asdict(verdict)} for each, verdict in verdicts])
    else:
        print_table(
            ("benchmark", "file", "status", "edition", "note"),
            [(each, v.file, v.status, v.edition, v.note) for each, v in verdicts],
        )
    if not verdicts:
        say(f"there are no official data in {datasets.data_root()}")
    elif wrong:
        say(f"{wrong} of {len(verdicts)} files are not as they should be: `arena data import` brings them")
        raise typer.Exit(1)
