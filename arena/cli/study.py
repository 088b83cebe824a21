"""`arena study`: models against all their recipes, and the paper's findings asked of the run."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Jobs, Json, Limit, Quiet


def study(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL…]", help="Folders, hub ids, presets, openai:URL#MODEL, or `bundled` (default)."
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="A recipe; may be repeated (default: all that can be made here)."),
    ] = None,
    made: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECIPE=SPEC",
            help="What a recipe made of MODEL elsewhere: a folder, or a server's model; may be repeated.",
        ),
    ] = None,
    suite: Annotated[str, typer.Option(help="Another suite.")] = "study",
    engine: Annotated[str, typer.Option(help="hf or vllm.")] = "hf",
    limit: Limit = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Calibration texts of recipes that need them (default: 128).")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=8, help="Tokens of each calibration text (default: 512).")
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="Play no longer; the page is of what there is, and says so."
        ),
    ] = None,
    played: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="RUN", help="Play nothing: look into a run that is there, a merged one too."
        ),
    ] = None,
    make_only: Annotated[
        bool, typer.Option("--make-only", help="Compress and keep, so that another Python can play.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page and numbers go.")] = Path("study"),
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play models and all that recipes make of them, look inside, and write the page about it.

    Killed at any point, the same command goes on where it was: compressed models, episodes and analyses that
    are there are not made again. Contestants that were played apart are joined by `arena merge`, and --run
    writes the page of that.
    """
    # before torch is imported: threads that spin while they wait take ten times as long on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from arena.cli.compression import CompressionProgress
    from arena.cli.playing import BY_SIGNAL, How, play, say_how_it_went
    from arena.engines.vllm_machine import CPU_PACKAGE, build
    from arena.engines.vllm_machine import is_installed as is_vllm_here
    from arena.errors import UsageError
    from arena.limits import Limits
    from arena.lineup import line_up
    from arena.plan import check_playable
    from arena.store.files import find_run
    from arena.study.lineup import (
        RECIPES,
        EngineKind,
        calibrated_recipes,
        is_served,
        model_names,
        not_on_a_cpu,
        offers_tools,
        read_made,
        study_contestants,
        to_make,
    )
    from arena.study.making import made_here, make
    from arena.suite import load_suite
    from compress.with_llmcompressor import is_installed

    if played:
        if models or recipe or made or make_only:
            raise UsageError("--run plays nothing", "leave out models, --recipe, --made and --make-only")
        _write_page(find_run(played), out, as_json=as_json)
        return
    if engine not in ("hf", "vllm"):
        raise UsageError(f"the study plays in hf or vllm, not in {engine!r}")
    kind: EngineKind = "vllm" if engine == "vllm" else "hf"
    models = models or ["bundled"]
    elsewhere = read_made(made or ())
    (first, *_) = model_names(models, elsewhere).values()  # a wrong one is said before anything is made
    if is_served(first) and recipe:
        raise UsageError(
            "what a server keeps can't be compressed here", "leave out --recipe, or give a folder"
        )
    due = to_make(first, recipe or RECIPES, elsewhere)
    recipes = calibrated_recipes(due, samples, tokens, out / "recipes")
    with CompressionProgress(quiet=quiet) as compression:
        if not recipe and not is_installed():
            recipes, missing = made_here(models, recipes)
            _say_left_out(missing)
        if make_only:
            make(models, recipes, compression.listen)
            return
        in_hf = not_on_a_cpu(recipes) if kind == "vllm" and build().startswith(CPU_PACKAGE) else ()
        tasks = load_suite(suite)
        typed = study_contestants(
            models,
            recipes,
            kind,
            in_hf,
            elsewhere,
            with_tools=offers_tools(tasks),
            vllm_too=is_vllm_here(),
        )
        plan, engines = line_up(tasks, typed, limit, on_compress=compression.listen)
    check_playable(plan)
    run = out / "run"
    tally = play(plan, run, engines, How(jobs, Limits(seconds=max_time), quiet=quiet))
    code = say_how_it_went(tally, "the same command goes on from here")
    if BY_SIGNAL in tally.stop_details:  # who wants it to end now does not wait for the look inside
        raise typer.Exit(code)

    _write_page(run, out, as_json=as_json)
    if code:
        raise typer.Exit(code)


def _write_page(run: Path, out: Path, *, as_json: bool) -> None:
    """Look into a run, and write page, numbers and report; what models that are gone hide is left out."""
    from arena.cli.output import print_json, print_table, say
    from arena.errors import EngineError, writing
    from arena.report.html import html_page
    from arena.study.document import study_document
    from arena.study.inside import analyses_of
    from arena.study.page import CLAIM_COLUMNS, claim_rows, report_files, study_page
    from arena.study.telling import telling_of

    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    analyses, telling, code = [], None, 0
    try:
        telling = telling_of(run, out, say)
        analyses = analyses_of(run, out, say)
    except EngineError as error:
        say(f"the page says less than it could: {error}")
    except KeyboardInterrupt:
        code = 1
        say("the page says what is known so far; the same command goes on from here")
        analyses = analyses_of(run, out, say, goes_on=False)
    document = study_document(run, analyses, telling)
    with writing(out):
        (out / "study.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        (out / "study.md").write_text(study_page(document), encoding="utf-8")
        for file, report in report_files(document["reports"]).items():
            (out / file).write_text(html_page(report, [run]), encoding="utf-8")
    if as_json:
        print_json(document)
    else:
        print_table(CLAIM_COLUMNS, claim_rows(document["claims"]))
    scores = ", ".join(str(out / file) for file in report_files(document["reports"]))
    say(f"{out / 'study.md'} is the page, {out / 'study.json'} its numbers, {scores} the scores")
    if code:
        raise typer.Exit(code)


def _say_left_out(recipes: list[str]) -> None:
    from arena.cli.output import say

    if recipes:
        say(
            f"{', '.join(recipes)} are left out: llm-compressor is not installed here, and no other Python "
            "has made them (docs/compression.md says how)"
        )
