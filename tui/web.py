"""`arena play --serve`: the app in a browser, by textual-serve. Each page runs an app of its own."""

import ipaddress
import os
import shlex
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from arena.errors import ArenaError, UsageError

Announce = Callable[[str], None]


def runs_in_browser() -> bool:
    """Tell whether this process draws for a page that `serve` serves."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith("web_driver:WebDriver")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def serve(command: Sequence[str], host: str, port: int, announce: Announce) -> None:
    """Serve the app that `command` runs, until Ctrl-C; `announce` is told where it is.

    Pages of other sites can't reach it through the browser: requests that come from them are refused. Raises
    `UsageError` where textual-serve is missing, `ArenaError` where the port can't be had.
    """
    if find_spec("textual_serve") is None:
        raise UsageError("--serve needs the package textual-serve", "pip install 'arena[web]'")
    from aiohttp import web
    from aiohttp.typedefs import Handler
    from textual_serve.server import Server

    class OwnPages(Server):
        """Textual's server, for pages of its own only; it says where it is in our words."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(own_pages_only)
            return app

        async def on_startup(self, app: web.Application) -> None:
            announce(f"arena is at {self.public_url} until Ctrl-C")

        def initialize_logging(self) -> None:
            """Leave logging as it is: the original shows local variables, and so may show API keys."""

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            # links lead to where the page was asked for: 0.0.0.0 is nowhere
            self.public_url = f"http://{request.host}"
            return await super().handle_index(request)

    @web.middleware
    async def own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_own_page(request.host, request.headers.get("Origin"), host):
            raise web.HTTPForbidden(text="arena answers pages of its own only")
        return await handler(request)

    shown = f"[{host}]" if ":" in host else host
    server = OwnPages(shlex.join(command), host, port, title="arena", public_url=f"http://{shown}:{port}")
    try:
        server.serve()
    except OSError as error:
        raise ArenaError(f"{host}:{port} can't be had: {error.strerror}", "choose another --port") from None


def is_own_page(asked_host: str, origin: str | None, bound_host: str) -> bool:
    """Tell whether a request comes from a page that we served.

    `asked_host` is its Host header, `origin` its Origin header (None: not sent, so it is no other site's
    page), both from outside. On a loopback address the Host has to be one too: a name that leads here by a
    trick (DNS rebinding) is not ours.
    """
    try:
        asked_name = urlsplit(f"//{asked_host}").hostname or ""
        from_where = urlsplit(origin).netloc if origin is not None else asked_host
    except ValueError:
        return False
    if is_loopback(bound_host) and not is_loopback(asked_name):
        return False
    return from_where == asked_host
