"""`arena serve`: a model behind an OpenAI-compatible server, by vLLM."""

import signal
from typing import Annotated

import typer


def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, GGUF file, hub id or smollm2.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with the model.")
    ] = False,
    extra: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="More arguments for `vllm serve`.")
    ] = None,
) -> None:
    """Serve a model with vLLM, to this machine only by default, until Ctrl-C.

    Prints the contestant to play it as, once it answers; vLLM's own words go to stderr.
    """
    from arena.cli.output import say
    from arena.engines.vllm_server import serving

    # asked to end by a service manager or `kill`: vLLM's processes must go, too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with serving(model, host, port, trust_remote_code, extra or []) as server:
            say(f"loading {model}; this takes a minute")
            server.wait_until_ready()
            typer.echo(server.contestant)
            say(f"ready: `arena play -a {server.contestant}`; Ctrl-C ends it")
            server.wait()
    except KeyboardInterrupt:
        say("stopped")
