"""Test redirects, timeouts and proxies of GET requests."""

from __future__ import annotations

import socket
import time
from threading import Event

import pytest
from sketchfab_server import JSON, sends

from sklearn_recsketch.utils._http import get

SHORT = 0.2  # seconds of a timeout that is expected to expire
LONG = 60  # seconds of a timeout that is not expected to expire


def request(api, path, timeout=LONG):
    return get(api.root + path, JSON, timeout, Event())


def redirects_to(address, status=302):
    return sends(b"", status=status, Location=address)


@pytest.fixture
def proxy(api, monkeypatch):
    """Use the server as the proxy of the environment, too."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", api.root)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(api, status):
    api.answers |= {"/old": redirects_to("/new", status), "/new": sends(b"{}")}
    assert request(api, "/old") == b"{}"


def test_at_most_five_redirects_are_followed(api):
    api.answers |= {f"/{hop}": redirects_to(f"/{hop + 1}") for hop in range(6)} | {"/6": sends(b"{}")}
    assert request(api, "/1") == b"{}"
    with pytest.raises(ValueError, match=r"more than 5 redirects, the last one to .*/6"):
        request(api, "/0")


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:9/x", "file:///etc/hostname", "data:application/json,1"])
def test_redirects_to_other_protocols_are_rejected(api, address):
    api.answers["/old"] = redirects_to(address)
    with pytest.raises(ValueError, match=f"'{address}' is not a web address"):
        request(api, "/old")


def test_the_timeout_includes_all_redirects(api):
    def slow(handler):
        time.sleep(0.6 * SHORT)
        redirects_to(f"{handler.path}x")(handler)

    api.answers |= {"/": slow, "/x": slow, "/xx": sends(b"{}")}
    with pytest.raises(OSError, match="timed out"):
        request(api, "/", timeout=SHORT)


def test_a_server_that_does_not_shake_hands_causes_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        get(f"https://127.0.0.1:{silent.getsockname()[1]}/", JSON, SHORT, Event())


def test_the_body_of_a_redirect_is_not_read(api):
    """The redirect announces a body that is never sent."""

    def announces_body(handler):
        handler.send_response(302)
        handler.send_header("Location", "/new")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()

    api.answers |= {"/old": announces_body, "/new": sends(b"{}")}
    assert request(api, "/old") == b"{}"


def test_the_address_of_a_redirect_may_have_non_ascii_letters_and_spaces(api):
    api.answers |= {"/old": redirects_to("/\xe9 %2F"), "/%E9%20%2F": sends(b"{}")}
    assert request(api, "/old") == b"{}"


def test_the_proxy_is_not_used_for_this_machine(api, proxy):
    api.answers["/here"] = sends(b"{}")
    request(api, "/here")
    assert api.requests == ["/here"]


def test_a_redirect_to_another_machine_uses_the_proxy(api, proxy):
    api.answers |= {"/old": redirects_to("http://elsewhere.invalid/"), "http://elsewhere.invalid/": sends(b"{}")}
    assert request(api, "/old") == b"{}"


def test_a_redirect_from_the_proxy_to_this_machine_does_not_use_the_proxy(api, proxy):
    api.answers |= {"http://elsewhere.invalid/": redirects_to(f"{api.root}/new"), "/new": sends(b"{}")}
    assert get("http://elsewhere.invalid/", JSON, LONG, Event()) == b"{}"


def test_proxies_of_other_protocols_are_rejected(api, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(OSError, match="unknown url type: socks5"):
        get("http://elsewhere.invalid/", JSON, LONG, Event())
