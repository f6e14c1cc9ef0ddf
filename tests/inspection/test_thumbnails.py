"""sketchfab_thumbnails, tested with a local server that imitates the API of Sketchfab."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from email.utils import formatdate
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sketchfab_server import IMAGE, JSON, PNG, in_turn, sends

from sklearn_recsketch.inspection import ItemGallery, sketchfab_thumbnails

SHORT_TIMEOUT = 0.2  # seconds, expected to be exceeded
LONG_TIMEOUT = 60  # seconds, never exceeded


@pytest.fixture
def ask(api, tmp_path):
    """sketchfab_thumbnails with requests to the local server."""

    def ask(ids, **kwargs):
        return sketchfab_thumbnails(ids, **{"base_url": api.url, "cache": tmp_path, "timeout": LONG_TIMEOUT} | kwargs)

    return ask


# Thumbnails.


@pytest.mark.parametrize("width, chosen", [(1, 100), (100, 100), (101, 200), (201, 400), (1000, 400)])
def test_the_smallest_thumbnail_of_at_least_the_width_is_chosen_or_the_widest(api, ask, width, chosen):
    api.models("m", widths=(200, 400, 100))
    assert ask("m", width=width) == {"m": api.picture("m", chosen)}


def test_thumbnails_come_in_the_order_of_the_ids(api, ask):
    api.models("c", "a", "b")
    assert list(ask(["c", "a", "b"])) == ["c", "a", "b"]


def test_each_id_is_requested_once(api, ask):
    api.models("a", "b")
    ask(["b", "a", "b", "a"])
    assert sorted(api.requests) == ["/models/a", "/models/b"]


@pytest.mark.parametrize("ids", [np.array([7, 8]), pl.Series([7, 8])])
def test_ids_may_be_integers(api, ask, ids):
    api.models("7", "8")
    found = ask(ids)
    assert found == {7: api.picture("7"), 8: api.picture("8")}
    assert {type(uid) for uid in found} == {int}


def test_ids_are_quoted_in_urls(api, ask):
    ask(["../a?b#c"])
    assert api.requests == ["/models/..%2Fa%3Fb%23c"]


def test_embedded_thumbnails_are_the_downloaded_bytes(api, ask):
    api.models("m")
    assert ask("m", embed=True) == {"m": PNG}


def test_invalid_thumbnails_are_skipped(api, ask):
    images = [None, {}, {"url": "file:///etc/passwd", "width": 200}, {"url": api.root, "width": "200"}]
    images.append({"url": api.picture("m"), "width": 300})
    api.answer("m", json.dumps({"thumbnails": {"images": images}}).encode())
    assert ask("m") == {"m": api.picture("m")}


def test_a_gallery_shows_the_thumbnails(api, ask):
    api.models("a")
    table = {"item": ["a", "gone"]}
    html = ItemGallery(pl.DataFrame(table), images=ask(table["item"]), links=lambda id: f"https://a.org/{id}").to_html()
    assert f'src="{api.picture("a")}"' in html
    assert html.count("<img") == 2
    assert 'src="data:image/png;base64,' in ItemGallery(pl.DataFrame(table), images=ask(["a"], embed=True)).to_html()


# Failures: the value is None, there is one warning, and the next call repeats the request.


def truncated(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{}")


BROKEN = {
    "error": (sends(b"", status=500), "HTTPError: HTTP Error 500"),
    "refused": (sends(b"", status=403), "HTTPError: HTTP Error 403"),
    "no JSON": (sends(b'{"thumbnails": '), "JSONDecodeError"),
    "no text": (sends(b"\xff\xfe\xff"), "UnicodeDecodeError"),
    "nested": (sends(b"[" * 100_000), "RecursionError"),
    "a list": (sends(b"[]"), "the response does not describe a model"),
    "null": (sends(b'{"thumbnails": {"images": null}}'), "the response does not describe a model"),
    "no thumbnails": (sends(b'{"thumbnails": {"images": []}}'), "the response contains no thumbnails"),
    "a page": (sends(b"{}", "text/html"), "has the content type text/html, not json"),
    "truncated": (truncated, "IncompleteRead"),
    "too large": (sends(b" " * (4 * 2**20 + 1)), "is larger than 4194304 bytes"),
    "no HTTP": (lambda handler: handler.wfile.write(b"hello\n"), "BadStatusLine"),
    "loop": (sends(b"", status=302, Location="/models/bad"), "more than 5 redirects"),
    "FTP": (sends(b"", status=302, Location="ftp://127.0.0.1:9/x"), "'ftp://127.0.0.1:9/x' is not a web address"),
    "file": (sends(b"", status=301, Location="file:///etc/hostname"), "'file:///etc/hostname' is not a web address"),
    "nowhere": (sends(b"", status=302), "HTTPError: HTTP Error 302"),
    "bad address": (sends(b"", status=302, Location="http://[::1"), "Invalid IPv6 URL"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_failure_affects_one_thumbnail_and_is_not_cached(api, ask, kind):
    api.models("a", "b")
    api.answers["/models/bad"], reason = BROKEN[kind]
    with pytest.warns(UserWarning, match=rf"1 of 3 thumbnails .*first: 'bad', .*{reason}") as record:
        found = ask(["a", "bad", "b"])
    assert len(record) == 1
    assert found == {"a": api.picture("a"), "bad": None, "b": api.picture("b")}
    api.models("bad")
    assert ask(["bad"]) == {"bad": api.picture("bad")}


def test_the_warning_counts_all_failures_and_names_the_first(api, ask):
    for uid in "abc":
        api.answer(uid, b"", status=500)
    api.models("fine")
    with pytest.warns(UserWarning, match=r"3 of 4 thumbnails could not be loaded \(first: 'c', HTTPError") as record:
        ask(["fine", "c", "a", "b"])
    assert len(record) == 1


def test_a_closed_port_is_a_failure(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.warns(UserWarning, match="URLError"):
        assert sketchfab_thumbnails(["m"], base_url=url, cache=tmp_path) == {"m": None}


def send_slowly(handler, text):
    """Send one byte at a time: no pause exceeds the timeout, but the total time does."""
    for byte in text:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(SHORT_TIMEOUT / 4)


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
BODY = json.dumps({"thumbnails": {"images": [{"url": "http://a.org/", "width": 1}]}}).encode()


@pytest.mark.parametrize("written", [b"", HEAD], ids=["headers", "body"])
def test_the_timeout_applies_to_the_total_time_of_a_slow_response(api, ask, written):
    def answer(handler):
        handler.wfile.write(written)
        send_slowly(handler, (HEAD + BODY)[len(written) :])

    api.answers["/models/m"] = answer
    with pytest.warns(UserWarning, match="timed out"):
        assert ask("m", timeout=SHORT_TIMEOUT) == {"m": None}


def test_a_server_that_does_not_respond_is_a_failure(api, ask):
    released = threading.Event()
    api.answers["/models/m"] = lambda handler: released.wait(LONG_TIMEOUT)
    with pytest.warns(UserWarning, match="timed out"):
        assert ask("m", timeout=SHORT_TIMEOUT) == {"m": None}
    assert not released.is_set()
    released.set()


@pytest.mark.parametrize("answer", [sends(b"<html>", IMAGE), sends(PNG, "text/html"), sends(b"", status=404)])
def test_an_invalid_picture_is_a_failure(api, ask, answer):
    api.models("m")
    api.answers["/m-200"] = answer
    with pytest.warns(UserWarning, match="1 of 1 thumbnails"):
        assert ask("m", embed=True) == {"m": None}


# Responses with status 429 (Too Many Requests).


def too_many_requests(retry_after):
    return sends(b"", status=429, Retry_After=retry_after)


@pytest.mark.parametrize("retry_after", ["0", formatdate(0, usegmt=True)], ids=["number", "date"])
def test_a_request_is_repeated_after_a_pause(api, ask, retry_after):
    api.models("m")
    api.answers["/models/m"] = in_turn(too_many_requests(retry_after), api.answers["/models/m"])
    assert ask("m") == {"m": api.picture("m")}
    assert len(api.requests) == 2


def test_a_request_fails_after_three_attempts(api, ask):
    api.answers["/models/m"] = too_many_requests("0")
    with pytest.warns(UserWarning, match="HTTP Error 429"):
        assert ask("m") == {"m": None}
    assert len(api.requests) == 3


@pytest.mark.parametrize("retry_after", ["86400", formatdate(time.time() + 86400, usegmt=True)], ids=["number", "date"])
def test_a_request_fails_immediately_if_the_pause_is_too_long(api, ask, retry_after):
    api.answers["/models/m"] = too_many_requests(retry_after)
    with pytest.warns(UserWarning, match="HTTP Error 429"):
        assert ask("m") == {"m": None}
    assert len(api.requests) == 1


def test_the_pause_is_at_least_as_long_as_requested(api, ask):
    times = []
    api.models("m")
    answer = in_turn(too_many_requests("1"), api.answers["/models/m"])
    api.answers["/models/m"] = lambda handler: (times.append(time.monotonic()), answer(handler))
    ask("m")
    assert times[1] - times[0] >= 1


# Cache.


@pytest.mark.parametrize("status", [404, 410])
def test_deleted_models_are_cached(api, ask, status):
    api.answer("m", b"", status=status)
    assert [ask("m"), ask("m", embed=True)] == [{"m": None}] * 2
    assert len(api.requests) == 1


@pytest.mark.parametrize("embed, requests", [(False, 1), (True, 2)])
def test_the_second_call_sends_no_requests(api, ask, embed, requests):
    api.models("m")
    assert ask("m", embed=embed) == ask("m", embed=embed)
    assert len(api.requests) == requests


def test_another_width_sends_no_requests(api, ask):
    api.models("m")
    assert [ask("m", width=width)["m"] for width in (100, 400)] == [api.picture("m", 100), api.picture("m", 400)]
    assert len(api.requests) == 1


def test_responses_are_cached_per_base_url(api, ask):
    api.models("m")
    assert ask("m", base_url=f"{api.root}/elsewhere") == {"m": None}
    assert ask("m", base_url=f"{api.url}/") == {"m": api.picture("m")}


@pytest.mark.parametrize("damage", [lambda stored: stored[:-1], lambda stored: b"", lambda stored: stored[:40] + b"x"])
def test_requests_of_damaged_files_are_repeated(api, ask, tmp_path, damage):
    api.models("m")
    ask("m", embed=True)
    for file in tmp_path.iterdir():
        file.write_bytes(damage(file.read_bytes()))
    assert ask("m", embed=True) == {"m": PNG}
    assert api.requests == ["/models/m", "/m-200"] * 2


def test_a_url_that_no_longer_works_is_removed_from_the_cache(api, ask):
    api.models("m")
    ask("m")
    api.answers.pop("/m-200")
    with pytest.warns(UserWarning, match="HTTP Error 404"):
        ask("m", embed=True)
    api.models("m", widths=(300,))
    assert ask("m", embed=True) == {"m": PNG}


def test_no_temporary_files_are_left(api, ask, tmp_path):
    api.models("a", "b")
    ask(["a", "b", "gone"], embed=True)
    assert len(list(tmp_path.iterdir())) == 5  # three responses, two pictures


def test_the_default_cache_is_in_the_data_home(api, ask, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    api.models("m")
    ask("m", cache=None)
    assert len(list(Path(tmp_path, "recsketch_thumbnails").iterdir())) == 1


# Concurrent requests.


def test_n_requests_requests_are_sent_concurrently(api, ask):
    """The server responds to each request only after all requests have arrived."""
    barrier = threading.Barrier(6)
    uids = [f"m{n}" for n in range(6)]
    api.models(*uids)
    for uid in uids:
        answer = api.answers[f"/models/{uid}"]
        api.answers[f"/models/{uid}"] = lambda handler, answer=answer: (barrier.wait(LONG_TIMEOUT), answer(handler))
    assert ask(uids, n_requests=6) == {uid: api.picture(uid) for uid in uids}


def test_at_most_n_requests_requests_are_sent_concurrently(api, ask):
    lock, n_running, max_running = threading.Lock(), [0], [0]
    uids = [f"m{n}" for n in range(12)]
    api.models(*uids)

    def counted(answer):
        def counting(handler):
            with lock:
                n_running[0] += 1
                max_running[0] = max(max_running[0], n_running[0])
            time.sleep(0.01)  # give other requests time to arrive
            with lock:
                n_running[0] -= 1
            answer(handler)

        return counting

    api.answers = {path: counted(answer) for path, answer in api.answers.items()}
    ask(uids, n_requests=3)
    assert max_running[0] <= 3


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill terminates the process on Windows")
def test_an_interrupt_does_not_wait_for_running_requests(api, ask, request):
    """The server does not respond before the call has ended."""
    # Processes that a shell runs in the background ignore SIGINT by default.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(partial(signal.signal, signal.SIGINT, before))
    released, uids = threading.Event(), [f"m{n}" for n in range(20)]

    def interrupt(handler):
        os.kill(os.getpid(), signal.SIGINT)
        released.wait(LONG_TIMEOUT)

    api.answers = {f"/models/{uid}": lambda handler: released.wait(LONG_TIMEOUT) for uid in uids} | {
        "/models/m3": interrupt
    }
    with pytest.raises(KeyboardInterrupt):
        ask(uids, n_requests=4, timeout=10 * LONG_TIMEOUT)
    assert not released.is_set()
    released.set()
    assert len(api.requests) <= 4


# Invalid parameters.


@pytest.mark.parametrize(
    "bad",
    [{"width": 0}, {"width": 1.5}, {"timeout": 0}, {"timeout": float("inf")}, {"n_requests": 0}, {"embed": "yes"}],
)
def test_the_error_names_an_invalid_parameter(ask, bad):
    with pytest.raises(ValueError, match=rf"The '{next(iter(bad))}' parameter of sketchfab_thumbnails must be"):
        ask(["m"], **bad)


def test_base_url_must_be_an_http_url(ask):
    with pytest.raises(ValueError, match="base_url must be an http or https URL, got 'file:///tmp'"):
        ask(["m"], base_url="file:///tmp")


def test_the_error_for_a_missing_id_names_the_row(ask):
    with pytest.raises(ValueError, match="The model id in row 1 is missing"):
        ask(["m", None])
