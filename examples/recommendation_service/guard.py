"""Limit the size of requests, and add headers that restrict what the page may load."""

from __future__ import annotations

from typing import Any

MAX_BYTES = 1_000_000
HEADERS = {
    # Everything comes from this service: no inline scripts or styles, no other hosts, no frames.
    b"content-security-policy": b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}


class Guard:
    """ASGI middleware that refuses large requests and adds headers to all answers.

    The body of a request must have a length, because the server would read a body without a length completely before we
    know its size.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items()]
            await send(message)

        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers:
            await _refuse(send_with_headers, 411, b"The request must have a Content-Length.")
        elif int(headers.get(b"content-length", 0)) > MAX_BYTES:
            await _refuse(send_with_headers, 413, b"The request must have at most %d bytes." % MAX_BYTES)
        else:
            await self.app(scope, receive, send_with_headers)


async def _refuse(send: Any, status: int, detail: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"detail":"%s"}' % detail})
