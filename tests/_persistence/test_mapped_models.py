"""Models whose arrays are mapped into memory, and other ways to save models."""

from __future__ import annotations

import mmap
import subprocess
import sys

import joblib
import numpy as np
import pytest
from estimators import RECOMMENDERS, WITH_FACTORS, small
from model_equality import assert_same_model
from random_factors import random_vectors, recommender_of
from sklearn.base import clone

from sklearn_recsketch import WARPRecommender, WRMFRecommender, load_model, save_model
from sklearn_recsketch.exceptions import ModelFileError

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
TRAINED = pytest.mark.parametrize("rec", small(WITH_FACTORS), ids=lambda rec: type(rec).__name__)
# Reads all factors of two models. Prints the kB of each file that this process has to itself, and that it shares.
READ_MAPPED = """
import re, sys, time
import joblib
from sklearn_recsketch import load_model

models = [load(path, mmap_mode="r") for load, path in zip((load_model, joblib.load), sys.argv[1:])]
for model in models:
    model.user_factors_.sum()
print("read", flush=True)
sys.stdin.readline()  # until the other process has read the factors, too
areas = open("/proc/self/smaps").read().split("VmFlags")
for path in sys.argv[1:]:
    of_file = " ".join(area for area in areas if path in area)
    print(*[sum(map(int, re.findall(kind + r"_\\w+:\\s+(\\d+) kB", of_file))) for kind in ("Private", "Shared")])
sys.stdout.flush()
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def wide():
    """Model with 5 MiB of user factors."""
    rng = np.random.default_rng(0)
    return recommender_of(random_vectors(50, rng, 64), random_vectors(20_000, rng, 64))


def mapped(model, tmp_path):
    """The model after it was saved and mapped into memory."""
    save_model(model, tmp_path / "model.zip")
    return load_model(tmp_path / "model.zip", mmap_mode="r")


def base_of(array):
    """The object that owns the memory of an array."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


@TRAINED
def test_arrays_are_read_only_parts_of_one_map_and_aligned(rec, tiny, tmp_path):
    model = mapped(clone(rec).fit(*tiny[:2], item_features=tiny[2]), tmp_path)
    matrix = model.interactions_
    arrays = [model.users_, model.user_factors_, model.item_factors_, matrix.data, matrix.indices, matrix.indptr]
    assert len({id(base_of(array)) for array in arrays}) == 1
    for array in arrays:
        assert isinstance(base_of(array), mmap.mmap)
        assert not array.flags.writeable
        assert array.ctypes.data % 64 == 0


@EVERY
def test_all_methods_work_on_maps(rec, tiny, tmp_path):
    X, y, item_features, user_features = tiny
    model = clone(rec).fit(X, y, item_features=item_features, user_features=user_features)
    loaded = mapped(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    options = {"k": 3, "history": X[:9], "item_features": item_features, "user_features": user_features}
    assert loaded.recommend(**options).equals(model.recommend(**options))
    assert loaded.score(X, y) == model.score(X, y)
    if hasattr(model, "similar_items"):
        assert loaded.similar_items(k=3).equals(model.similar_items(k=3))
    assert_same_model(loaded, model)


def test_a_map_stays_valid_when_the_file_is_replaced(tiny, tmp_path):
    model = small([WRMFRecommender])[0].fit(*tiny[:2])
    loaded = mapped(model, tmp_path)
    save_model(WRMFRecommender(), tmp_path / "model.zip")
    assert_same_model(loaded, model)


def test_a_mapped_model_can_be_saved_to_its_own_file(tiny, tmp_path):
    model = small([WARPRecommender])[0].fit(*tiny[:2])
    loaded = mapped(model, tmp_path)
    save_model(loaded, tmp_path / "model.zip")
    assert_same_model(load_model(tmp_path / "model.zip"), model)


def test_large_arrays_are_verified_only_if_they_are_read(wide, tmp_path):
    save_model(wide, tmp_path / "model.zip")
    data = bytearray((tmp_path / "model.zip").read_bytes())
    data[data.index(wide.user_factors_.tobytes()) + 7] ^= 1
    (tmp_path / "model.zip").write_bytes(bytes(data))
    with pytest.raises(ModelFileError, match="user_embeddings_"):
        load_model(tmp_path / "model.zip")
    load_model(tmp_path / "model.zip", mmap_mode="r")


# Other ways to save models.


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory that processes share is read from /proc")
def test_two_processes_share_the_memory_of_the_factors(wide, tmp_path):
    paths = [str(tmp_path / "model.zip"), str(tmp_path / "model.joblib")]
    save_model(wide, paths[0])
    joblib.dump(wide, paths[1])
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", READ_MAPPED, *paths], **options) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["read\n"] * 2
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in paths:
            private, shared = map(int, process.stdout.readline().split())
            assert shared >= wide.user_factors_.nbytes / 1024
            assert private < 64  # only pages that one of the processes has read
    for process in processes:
        process.communicate("\n", timeout=60)


@EVERY
def test_skops_saves_and_loads_models_as_trusted_types(rec, tiny, tmp_path):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    X, y, item_features, _ = tiny
    model = clone(rec).fit(X, y, item_features=item_features)
    skops.dump(model, tmp_path / "model.skops")
    types = skops.get_untrusted_types(file=tmp_path / "model.skops")
    loaded = skops.load(tmp_path / "model.skops", trusted=types)
    assert all(name.startswith(("sklearn_recsketch.", "numpy.", "scipy.")) for name in types)
    assert loaded.recommend(k=3).equals(model.recommend(k=3))
