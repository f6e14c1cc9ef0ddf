"""Requests: where redirects may lead, and for how long."""

from __future__ import annotations

import socket
import time
from threading import Event

import pytest
from sketchfab_server import JSON, sends

from sklearn_recsketch.utils._http import get

WAITS = 0.2  # seconds of a timeout that shall run out
PATIENT = 60  # seconds of one that shall not


def ask(api, path, timeout=PATIENT):
    return get(api.root + path, JSON, timeout, Event())


def leads_to(address, status=302):
    return sends(b"", status=status, Location=address)


@pytest.fixture
def proxy(api, monkeypatch):
    """The server is the proxy of the environment, too."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", api.root)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(api, status):
    api.answers |= {"/old": leads_to("/new", status), "/new": sends(b"{}")}
    assert ask(api, "/old") == b"{}"


def test_five_redirects_are_followed_and_no_more(api):
    api.answers |= {f"/{hop}": leads_to(f"/{hop + 1}") for hop in range(6)} | {"/6": sends(b"{}")}
    assert ask(api, "/1") == b"{}"
    with pytest.raises(ValueError, match=r"more than 5 redirects, the last to .*/6"):
        ask(api, "/0")


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:9/x", "file:///etc/hostname", "data:application/json,1"])
def test_a_redirect_leads_to_the_web_only(api, address):
    api.answers["/old"] = leads_to(address)
    with pytest.raises(ValueError, match=f"'{address}' is no http or https URL"):
        ask(api, "/old")


def test_redirects_share_the_time_of_one_request(api):
    def slow(handler):
        time.sleep(0.6 * WAITS)
        leads_to(f"{handler.path}x")(handler)

    api.answers |= {"/": slow, "/x": slow, "/xx": sends(b"{}")}
    with pytest.raises(OSError, match="timed out"):
        ask(api, "/", timeout=WAITS)


def test_a_server_that_does_not_shake_hands_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        get(f"https://127.0.0.1:{silent.getsockname()[1]}/", JSON, WAITS, Event())


def test_what_a_redirect_contains_is_not_read(api):
    """It announces what never comes."""

    def announces(handler):
        handler.send_response(302)
        handler.send_header("Location", "/new")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()

    api.answers |= {"/old": announces, "/new": sends(b"{}")}
    assert ask(api, "/old") == b"{}"


def test_an_address_of_a_redirect_may_have_letters_and_spaces(api):
    api.answers |= {"/old": leads_to("/\xe9 %2F"), "/%E9%20%2F": sends(b"{}")}
    assert ask(api, "/old") == b"{}"


def test_a_proxy_is_not_asked_for_this_machine(api, proxy):
    api.answers["/here"] = sends(b"{}")
    ask(api, "/here")
    assert api.requests == ["/here"]


def test_a_redirect_away_from_this_machine_goes_through_the_proxy(api, proxy):
    api.answers |= {"/old": leads_to("http://elsewhere.invalid/"), "http://elsewhere.invalid/": sends(b"{}")}
    assert ask(api, "/old") == b"{}"


def test_a_redirect_from_a_proxy_to_this_machine_leaves_it(api, proxy):
    api.answers |= {"http://elsewhere.invalid/": leads_to(f"{api.root}/new"), "/new": sends(b"{}")}
    assert get("http://elsewhere.invalid/", JSON, PATIENT, Event()) == b"{}"


def test_a_proxy_of_another_protocol_is_a_failure(api, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(OSError, match="unknown url type: socks5"):
        get("http://elsewhere.invalid/", JSON, PATIENT, Event())
