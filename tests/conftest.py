"""Fixtures shared by the tests: seeded data, fitted recommenders, indexes, a server, a browser and a Spark session."""

from __future__ import annotations

import os
import shutil
import sys
import threading

if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy is imported, because the workers share the cores
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from random_factors import large_model
from sketchfab_server import Api

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.preprocessing import SideFeatures
from sklearn_recsketch.serving import to_index

settings.register_profile("suite", deadline=None)  # tests must not fail because the machine is busy
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)  # before -m selects by marks
def pytest_collection_modifyitems(items):
    """Mark tests that start Spark, and run the slowest tests first, so that no worker is left with them at the end."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")
    slowest = {"spark", "cluster", "browser"}
    items.sort(key=lambda item: slowest.isdisjoint(mark.name for mark in item.iter_markers()))


@pytest.fixture(params=[0, 1])
def seed(request):
    """Seed for tests of properties that hold for any seed."""
    return request.param


@pytest.fixture(scope="session")
def planted():
    """X, y and item features: 300 users and 120 items with low-rank preferences."""
    return make_interactions(
        300,
        120,
        n_components=4,
        taste=6.0,
        mean_activity=15,
        n_tags=25,
        counts=True,
        return_features=True,
        random_state=0,
    )


@pytest.fixture(scope="session")
def split(planted):
    """X and y of training rows, X and y of test rows: a random third of the rows of `planted` is held out."""
    X, y, _ = planted
    test = np.random.RandomState(0).random_sample(len(X)) < 1 / 3
    return X[~test], y[~test], X[test], y[test]


@pytest.fixture(scope="session")
def tiny():
    """X, y, item features and user features: 20 users and 14 items with counts, small enough for dense algebra."""
    X, y, item_features = make_interactions(
        20, 14, n_components=3, mean_activity=5, n_tags=6, counts=True, return_features=True, random_state=3
    )
    ids = np.unique(X["user"])
    user_features = SideFeatures.from_dicts({int(u): {"land": f"l{u % 3}", "age": float(u % 5)} for u in ids})
    return X, y, item_features, user_features


@pytest.fixture(scope="session")
def checkerboard():
    """Interactions of even users with even items and of odd users with odd items, except for the pairs (i, i).

    For user i the only correct recommendation is item i.
    """
    n = 30
    pairs = [(u, i) for u in range(n) for i in range(u % 2, n, 2) if i != u]
    return pd.DataFrame(pairs, columns=["user", "item"])


@pytest.fixture(scope="session")
def likes():
    """X, y and item features: 80 users and 40 items, small enough for hyper-parameter searches."""
    return make_interactions(80, 40, n_tags=6, return_features=True, random_state=0)


@pytest.fixture
def api():
    """Local server that imitates the API of Sketchfab."""
    api = Api()
    thread = threading.Thread(target=api.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.http.shutdown()
    api.http.server_close()
    thread.join()


# Recommenders and their indexes.


@pytest.fixture(scope="session")
def wrmf(planted):
    """WRMF fitted on `planted`."""
    return WRMFRecommender(6, random_state=0).fit(*planted[:2])


@pytest.fixture(scope="session", params=["exact", "hnsw"])
def index(request, wrmf):
    """Index of the items of `wrmf`, of either kind."""
    return to_index(wrmf, request.param)


@pytest.fixture(scope="session")
def large():
    """Recommender of 300 users and 4,000 items with random factors."""
    return large_model()


@pytest.fixture(scope="session")
def graph(large):
    """HNSW index of the items of `large`."""
    return to_index(large)


# Spark.


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """Local Spark session with two threads, which needs no network."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java, which is not installed")
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        # No query runs long enough to be worth optimising; the quick compiler needs a larger stack.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -Xss4m",
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        session.sparkContext.setCheckpointDir(str(tmp_path_factory.mktemp("checkpoints")))
        yield session
        session.stop()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    pytest.importorskip("selenium")
    from screenshots import headless_browser

    try:
        session = headless_browser()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with session:
        yield session


# The example service.


@pytest.fixture(scope="module", params=[False, True], ids=["integers", "text"])
def text_ids(request):
    """Whether the ids of the served model are strings."""
    return request.param


@pytest.fixture(scope="module")
def client(text_ids, tmp_path_factory):
    """Client of a service of a small model."""
    from fastapi.testclient import TestClient
    from small_service import small_app

    with TestClient(small_app(tmp_path_factory.mktemp("service"), text_ids)) as client:
        yield client


# Parquet files.


@pytest.fixture
def path(tmp_path):
    """Path to which a Parquet file may be written."""
    return tmp_path / "likes.parquet"


@pytest.fixture
def folder(planted, tmp_path):
    """Folder as Spark writes it: three part files, one of them empty, and the files beside them that are not data."""
    X = planted[0]
    parts = tmp_path / "likes"
    parts.mkdir()
    for name, rows in (("part-00000", X.iloc[:900]), ("part-00001", X.iloc[:0]), ("part-00002", X.iloc[900:])):
        rows.to_parquet(parts / f"{name}.snappy.parquet", index=False)
    (parts / "_SUCCESS").write_text("")
    (parts / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
    return parts
