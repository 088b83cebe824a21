"""`arena watch`: attach to a running batch, or replay a finished run."""

from arena.cli.options import RunName


def watch(run: RunName) -> None:
    """Show a run turn by turn: live while another process plays it, or replayed."""
    import sys

    from arena.errors import UsageError
    from arena.store.files import find_run

    found = find_run(run)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("arena watch draws on a terminal", "off a terminal, use `arena report`")
    from tui.app import watch as watch_on_screen

    watch_on_screen(found)
