"""GET requests with a limited total time, response size and number of attempts."""

from __future__ import annotations

import io
import ipaddress
import re
import string
import time
import urllib.request
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection, IncompleteRead
from socket import socket
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit

__all__ = ["get", "is_web_address"]

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
LARGEST_BODY = 4 * 2**20  # bytes
TOO_MANY_REQUESTS = 429
ATTEMPTS = 3  # per request, if the server responds with TOO_MANY_REQUESTS
LONGEST_PAUSE = 30.0  # seconds; the request is not repeated if the server requests a longer pause


def is_web_address(value: Any) -> bool:
    """Return whether a value is a string that contains an http or https URL."""
    return isinstance(value, str) and re.match(r"https?://[^/\s]", value, re.IGNORECASE) is not None


def get(url: str, content_type: str, timeout: float, stopped: Event) -> bytes:
    """Send a GET request and return the body of the response.

    If the server responds with status 429, the request is repeated after the delay that the server requests. If
    `stopped` is set, no further request is sent, and an InterruptedError is raised.

    Raises
    ------
    OSError, HTTPException, ValueError
        If the server cannot be reached, if the response is an error or is too large, if its content type does not
        contain `content_type`, or if the request takes more than `timeout` seconds. The timeout applies to the total
        time from the first connection to the last byte, including redirects.
    """
    pause = 0.0
    for attempt in range(1, ATTEMPTS + 1):
        if stopped.wait(pause):
            break
        try:
            return _get_once(url, content_type, timeout)
        except HTTPError as error:
            error.close()  # releases the connection
            pause = _pause(error.headers.get("Retry-After", ""))
            if error.code != TOO_MANY_REQUESTS or attempt == ATTEMPTS or pause > LONGEST_PAUSE:
                raise
    raise InterruptedError("stopped before the server responded")


def _get_once(url: str, content_type: str, timeout: float) -> bytes:
    """Send a request and follow redirects. The bodies of redirect responses are not read."""
    end = time.monotonic() + timeout
    for _ in range(MOST_REDIRECTS + 1):
        if not is_web_address(url):
            raise ValueError(f"{url!r} is not a web address (http or https)")
        try:
            return _get_without_redirects(url, content_type, end)
        except HTTPError as error:
            target = error.headers.get("Location")
            if error.code not in REDIRECTS or target is None:
                raise
            error.close()  # releases the connection
            # Headers are decoded as Latin-1. `quote` does not change characters that are already quoted.
            url = urljoin(url, quote(target, safe=string.punctuation, encoding="latin-1"))
    raise ValueError(f"more than {MOST_REDIRECTS} redirects, the last one to {url}")


def _get_without_redirects(url: str, content_type: str, end: float) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "sklearn-recsketch"})
    with _opener(url).open(request, timeout=_left(end)) as response:
        received = response.headers.get_content_type()
        if content_type not in received:
            raise ValueError(f"{url} has the content type {received}, not {content_type}")
        body: bytes = response.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise ValueError(f"{url} is larger than {LARGEST_BODY} bytes")
        if response.length:  # number of missing bytes; read() with a size does not raise an error for them
            raise IncompleteRead(body, response.length)
    return body


def _left(end: float) -> float:
    """Return the number of seconds until `end`. Raise a TimeoutError if `end` has passed."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _pause(retry_after: str) -> float:
    """Convert a Retry-After header, which contains a number or a date, to seconds. Return 1 if it is invalid."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 1.0


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Create an opener that supports only http and https, and does not follow redirects.

    The default opener of urllib also opens local files and FTP addresses. The returned opener uses the proxies that are
    set in environment variables, except for addresses of the local machine.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({} if _is_this_machine(url) else None),
        _HTTPHandler(),
        _HTTPSHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Reader(io.RawIOBase):
    """A stream that reads from a socket until a deadline.

    A socket's timeout restarts with each byte. Without a deadline, a server that slowly sends one byte at a time could
    keep a request open forever.
    """

    def __init__(self, sock: socket, end: float) -> None:
        self._socket, self._end = sock, end
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._end))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, end: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock, end))


class _HTTPConnection(HTTPConnection):
    """A connection whose timeout applies to the total time of all operations."""

    def __init__(self, host: str, port: int | None = None, timeout: float = 0.0, *args: Any, **kwargs: Any) -> None:
        super().__init__(host, port, timeout, *args, **kwargs)
        self._end = time.monotonic() + timeout
        self.response_class: Any = partial(_Response, end=self._end)

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_left(self._end))


class _HTTPSConnection(HTTPSConnection, _HTTPConnection):
    """An https connection whose timeout applies to the total time of all operations.

    The order of the base classes matters: `HTTPSConnection.connect` first calls `_HTTPConnection.connect`, which sets
    the socket timeout to the remaining time. The TLS handshake is therefore also subject to this timeout.
    """


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_HTTPConnection, request)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_HTTPSConnection, request)
