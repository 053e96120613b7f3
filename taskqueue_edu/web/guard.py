"""Who may see the dashboard, and what a browser may do with it.

The dashboard is a web server on a machine where a browser runs that has other pages open. These
must neither read it nor press its buttons:

- Who has no token gets nothing. It is in the address that is printed; the first page makes a
  cookie of it, which no script can read (HttpOnly) and which the browser sends to no request that
  another site started (SameSite). Programs send it as `Authorization: Bearer TOKEN`.
- The Host header must be an address or `localhost`. A page of another site can have the name of
  that site stand for 127.0.0.1 after it was loaded (DNS rebinding): the browser then takes the
  dashboard for a part of it, but says the name.
- Cookies don't know ports: another server on this machine is the same site. So whatever changes
  something must come from a page of this origin.
- The page runs the scripts and has the styles that come with this package, and no others.
"""

from __future__ import annotations

import ipaddress
import re
from secrets import compare_digest
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# A redirect (303) would do but for one case: when a page of another site links here, as one of
# JupyterLab at `localhost` does, the browser counts what the redirect leads to as started by that
# site, and leaves the cookie out. Here it is this page that goes on.
_WELCOME: Final = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Task queue</title>
<link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0; url=/">
<p><a href="/">Open the dashboard</a></html>
"""

_CLOSED: Final = (
    "This needs the token: open the address that was printed when the dashboard started.\n"
)


_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::[0-9]+)?", re.ASCII)


class Guard:
    """Lets through to `app` what may get there, and puts the headers on what comes back."""

    def __init__(self, app: ASGIApp, token: str, host: str, port: int) -> None:
        """The server listens at `host` and `port`."""
        self._app = app
        self._token = token
        self._cookie = f"taskqueue-{port}"  # two dashboards on one machine have the same cookies
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._check(Request(scope)) or self._app
        await answer(scope, receive, send_guarded)

    def _check(self, request: Request) -> Response | None:
        """Return what to answer in place of the app, or None."""
        host = request.headers.get("host", "")
        if not self._is_ours(host):
            return PlainTextResponse("This server has no such name.\n", 421)
        reads = request.method in ("GET", "HEAD")
        if not reads and request.headers.get("origin") != f"http://{host}":
            return PlainTextResponse("This must come from a page of this server.\n", 403)
        if request.url.path == "/" and self._matches(request.query_params.get("token", "")):
            welcome = HTMLResponse(_WELCOME)
            welcome.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return welcome
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._matches(request.cookies.get(self._cookie, "")) or self._matches(bearer):
            return None
        return PlainTextResponse(_CLOSED, 403)

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        if name in ("localhost", self._host):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _matches(self, given: str) -> bool:
        # In a time that does not tell how much of it is right.
        return compare_digest(given.encode(), self._token.encode())
