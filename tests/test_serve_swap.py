"""The example service replaces its model while it runs, and shuts down without losing requests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")
import uvicorn
from fastapi.testclient import TestClient
from recommendation_service.app import create_app
from recommendation_service.loaded_model import Who
from serve import main, read_arguments
from sklearn.pipeline import make_pipeline
from small_service import fit_small, open_store, write_files

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, save_model

SERVE = Path(__file__).parents[1] / "examples/serve.py"
PATIENCE = 60  # seconds to wait for another thread on a busy machine


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path, fit_small())


@pytest.fixture
def store(files):
    return open_store(*files)


@pytest.fixture
def new_model(files):
    """Function that replaces the model file by that of another model."""
    return lambda: save_model(fit_small(seed=1), files[0])


class Gate:
    """Lets recommendations of a model wait until the gate is opened."""

    def __init__(self, model):
        self.entered, self.opened = threading.Event(), threading.Event()
        recommend = model.recommender.recommend

        def wait_and_recommend(*args, **kwargs):
            self.entered.set()
            assert self.opened.wait(PATIENCE)
            return recommend(*args, **kwargs)

        model.recommender.recommend = wait_and_recommend


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_state(client, condition):
    wait_for(lambda: condition(client.get("/health").json()))


def ask(client):
    return client.post("/api/recommend", json={"user": 3}).json()


def test_unchanged_file_is_not_loaded_again(store):
    model = store.current
    assert not store.check()
    assert store.current is model


def test_new_file_replaces_the_model(store, new_model):
    old = store.current
    new_model()
    assert store.check()
    assert store.current.version != old.version


def test_running_service_notices_a_new_file(store, new_model):
    with TestClient(create_app(store)) as client:
        old = ask(client)
        new_model()
        wait_for_state(client, lambda state: state["model"] != old["model"])
        assert ask(client)["items"] != old["items"]


def test_request_in_flight_is_answered_by_the_old_model(store, new_model):
    old, gate = store.current.version, Gate(store.current)
    with TestClient(create_app(store)) as client, ThreadPoolExecutor(1) as pool:
        expected = pool.submit(ask, client)
        assert gate.entered.wait(PATIENCE)
        new_model()
        wait_for_state(client, lambda state: state["model"] != old)
        assert ask(client)["model"] != old  # a new request does not wait for the old one
        gate.opened.set()
        assert expected.result()["model"] == old


def test_pipeline_is_served(files, store):
    model = store.current
    save_model(make_pipeline(InteractionThresholder(), fit_small()), files[0])
    assert store.check()
    assert store.current.recommend(Who(3), 5) == model.recommend(Who(3), 5)


def test_titles_are_replaced_with_the_model(files, store, new_model):
    files[1].write_text('{"0": "New title"}')
    new_model()
    store.check()
    assert store.current.catalogue.titles[0] == "New title"


def popular(path):
    save_model(PopularityRecommender().fit([[1, 2], [1, 3]]), path)


BROKEN = {
    "garbage": lambda path: path.write_bytes(b"no model"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no embeddings": popular,
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN.keys())
def test_broken_file_does_not_replace_the_model(files, store, damage, caplog):
    model = store.current
    damage(files[0])
    assert not store.check()
    assert store.current is model
    assert store.last_error
    assert f"continues with model {model.version}" in caplog.text


def test_refused_model_is_explained(files, store):
    popular(files[0])
    store.check()
    assert store.last_error.startswith("TypeError: PopularityRecommender has no embeddings.")


def test_broken_file_is_reported_once(files, store, caplog):
    files[0].write_bytes(b"no model")
    for _ in range(3):
        store.check()
    assert len(caplog.records) == 1


def test_good_file_after_a_broken_one_is_loaded(files, store, new_model):
    with TestClient(create_app(store)) as client:
        old = ask(client)
        files[0].write_bytes(b"no model")
        wait_for_state(client, lambda state: state["last_error"])
        assert ask(client) == old
        new_model()
        wait_for_state(client, lambda state: state["model"] != old["model"])
        assert client.get("/health").json()["last_error"] is None


def test_service_does_not_start_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_store(tmp_path / "missing", None)


def test_shutdown_answers_the_request_in_flight_and_stops_the_thread(store):
    gate = Gate(store.current)
    server = uvicorn.Server(uvicorn.Config(create_app(store), port=0, log_level="error", timeout_graceful_shutdown=60))
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(server.run)
        wait_for(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        answer = pool.submit(post_recommend, f"http://127.0.0.1:{port}")
        assert gate.entered.wait(PATIENCE)
        server.should_exit = True
        time.sleep(0.2)  # the server looks at should_exit every 0.1 s
        gate.opened.set()
        assert answer.result(PATIENCE) == 200
        running.result(PATIENCE)
    assert "model file" not in [thread.name for thread in threading.enumerate()]


def post_recommend(url):
    request = urllib.request.Request(
        f"{url}/api/recommend", b'{"user": 3}', {"Content-Type": "application/json", "Connection": "close"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        answer.read()
        return answer.status


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can handle")
def test_command_line_serves_a_model_until_it_is_terminated(files):
    command = [sys.executable, SERVE, files[0], "--titles", files[1], "--port", "0", "--mmap-mode", "r"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            log = ""
            while not (address := re.search(r"http://127.0.0.1:\d+", log)):
                line = process.stderr.readline()
                assert line, log
                log += line
            assert post_recommend(address.group()) == 200
            process.send_signal(signal.SIGTERM)
            assert "Finished server process" in process.stderr.read()
            assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
        finally:
            process.kill()


@pytest.mark.parametrize("arguments", [[], ["model.zip", "--demo"]])
def test_command_line_needs_a_model_or_the_demo(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["serve.py", *arguments])
    with pytest.raises(SystemExit):
        read_arguments()
    assert "pass either a model file or --demo" in capsys.readouterr().err


UNREADABLE = {
    "no model": (["missing.zip"], "No such file or directory: 'missing.zip'"),
    "no titles": (["model.zip", "--titles", "nope.json"], "No such file or directory: 'nope.json'"),
    "not a model": (["titles.json"], "'titles.json' cannot be loaded: it is not a complete ZIP file"),
    "no embeddings": (["popular.zip"], "PopularityRecommender has no embeddings."),
    "damaged titles": (
        ["model.zip", "--titles", "damaged.json"],
        "damaged.json is not a valid JSON file: Expecting value",
    ),
    "nested titles": (["model.zip", "--titles", "nested.json"], "nested.json is not a valid JSON file"),
    "model as titles": (["model.zip", "--titles", "model.zip"], "model.zip is not a valid JSON file"),
}


@pytest.mark.parametrize(("arguments", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_command_line_ends_with_a_line_about_a_file_that_it_cannot_read(files, arguments, reason, monkeypatch, capsys):
    folder = files[0].parent
    popular(folder / "popular.zip")
    (folder / "damaged.json").write_text('{"0": ')
    (folder / "nested.json").write_text("[" * 200_000)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["serve.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("serve.py: error: ") and reason in lines[0]
