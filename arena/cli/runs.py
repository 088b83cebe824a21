"""`arena runs`: the recorded runs of this folder."""

from arena.cli.options import Json


def runs(as_json: Json = False) -> None:
    """List the runs, newest last, with how far each has come."""
    from arena.cli.output import print_json, print_table, say
    from arena.runs import list_runs
    from arena.store.files import runs_folder

    found = list_runs()
    if as_json:
        print_json(found)
        return
    print_table(
        ("run", "suite", "created", ">done", ">planned", ">errors", "contestants"),
        [
            (
                each["run"],
                each["suite"],
                each["created"],
                each["done"],
                each["planned"],
                each["errors"],
                each["problem"] or ", ".join(each["contestants"]),
            )
            for each in found
        ],
    )
    if not found:
        say(f"no runs in {runs_folder()}/ yet: `arena batch quick -a expert -a random` makes one")
