"""`arena agents`: what can be a contestant, and what the engines need."""

from arena.cli.options import Json


def agents(as_json: Json = False) -> None:
    """List the kinds of contestants, whether their engines are installed, and models with short names."""
    from dataclasses import asdict

    from arena.cli.output import out, print_json, print_table, say
    from arena.engines.registry import engine_kinds
    from arena.lineup import read_contestants
    from arena.presets import presets

    kinds, own = engine_kinds(), read_contestants()
    if as_json:
        print_json(
            [asdict(kind) for kind in kinds]
            + [
                {"kind": "preset", "form": preset.name, "what": preset.title, "state": "ready", "mend": ""}
                | {key: value for key, value in asdict(preset).items() if key not in ("name", "title")}
                | {"options": preset.options()}
                for preset in presets().values()
            ]
            + [
                {
                    "kind": "contestant",
                    "form": name,
                    "what": line.partition("=")[2],
                    "state": "ready",
                    "mend": "",
                }
                for name, line in own.items()
            ]
        )
        return
    print_table(
        ("form", "what", "state", "mend"), [(kind.form, kind.what, kind.state, kind.mend) for kind in kinds]
    )
    out().print()
    print_table(
        ("preset", "model", "hub id", "remarks"),
        [(each.name, each.title, each.hub, each.remarks()) for each in presets().values()],
    )
    if own:
        out().print()
        print_table(("your own", "what"), [(name, line.partition("=")[2]) for name, line in own.items()])
    say("name one with NAME=SPEC, add options with commas: -a awq=hf:models/awq,protocol=json,max_tokens=200")
    say("a preset is a model: -a qwen2.5-7b, -a vllm:qwen2.5-7b+awq-w4g128, -a openai:URL#qwen2.5-7b")
