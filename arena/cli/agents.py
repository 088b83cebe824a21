"""`arena agents`: what can be a contestant, and what the engines need."""

from arena.cli.options import Json


def agents(as_json: Json = False) -> None:
    """List the kinds of contestants and whether their engines are installed."""
    from dataclasses import asdict

    from arena.cli.output import print_json, print_table, say
    from arena.engines.registry import engine_kinds

    kinds = engine_kinds()
    if as_json:
        print_json([asdict(kind) for kind in kinds])
        return
    print_table(
        ("form", "what", "state", "mend"), [(kind.form, kind.what, kind.state, kind.mend) for kind in kinds]
    )
    say("name one with NAME=SPEC, add options with commas: -a awq=hf:models/awq,protocol=json,max_tokens=200")
