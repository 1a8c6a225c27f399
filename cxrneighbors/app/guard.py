"""Who may ask the server what: its address, a password, the routes that the page needs, and size.

Gradio brings routes of its own (a file server, a proxy, uploads to disk, links to a model hub). Only those
that its page calls are let through.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cxrneighbors.errors import UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
WRONG = 1.0  # seconds that a wrong password costs
MOST_JSON = 2**20  # bytes of an event that Gradio is sent
# What the page needs of Gradio, and the explorer's own.
ROUTES = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/(assets|static|svelte)/.*"
    r"|/gradio_api/(queue/(join|data)|startup-events|heartbeat/[^/]+|reset/?|cancel|info/?)"
    r"|/(film|uploaded)/.+\.png|/suggest|/upload|/upload/[\w-]+|/explorer/.*"
    r"|/map/[\w/]+|/evaluation/[^/].*|/explain/(scores|jobs|jobs/[\w-]+|jobs/[\w-]+/[\w.]+)"
)
# Nothing comes from, or goes to, another host; Gradio's page writes its settings and styles inline.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware. hosts: names that the `Host` header may have (a foreign page that has its own name
    point here is refused); None for any. password: what HTTP Basic must bring, with any user name."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] | None, password: str | None) -> None:
        self.app, self.password = app, password
        self.hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers added."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the page opens no web sockets
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self.refusal(scope)
        if refused is not None and refused.status_code == 401 and "authorization" in Headers(scope=scope):
            await asyncio.sleep(WRONG)
        await (refused or self.app)(scope, receive, with_headers)

    def refusal(self, scope: Scope) -> PlainTextResponse | None:
        """What is answered in place of the application's answer; None lets a request through."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and host_name(host) not in self.hosts:
            return PlainTextResponse("not served under this name", 421)
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return PlainTextResponse("not for pages of another host", 403)
        if self.password is not None and not self._knows(headers.get("authorization", "")):
            ask = {"WWW-Authenticate": 'Basic realm="cxrneighbors explorer", charset="UTF-8"'}
            return PlainTextResponse("the explorer needs its password", 401, ask)
        if not ROUTES.fullmatch(scope["path"]):
            return PlainTextResponse("not here", 404)
        if scope["path"] != "/upload" and scope["method"] not in ("GET", "HEAD"):
            length = headers.get("content-length", "")
            if scope["method"] == "POST" and not (length.isdecimal() and int(length) <= MOST_JSON):
                return PlainTextResponse("too much at once", 413)
        return None

    def _knows(self, given: str) -> bool:
        kind, _, coded = given.partition(" ")
        try:
            _, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        known = (self.password or "").encode()
        return kind.lower() == "basic" and hmac.compare_digest(password.encode(), known)


def check_host(host: str, password: str | None) -> None:
    """Raise a `UserError` for a host beyond this machine without a password."""
    if host not in LOOPBACK and password is None:
        raise UserError(
            f"host {host!r}: others could reach it; give --password-file too, or leave --host out"
        )


def host_name(host: str) -> str:
    """A `Host` header without its port.

    >>> host_name("localhost:7860"), host_name("[::1]:7860")
    ('localhost', '::1')
    """
    return (urlsplit(f"//{host}").hostname or "").lower()
