"""Saving and loading a model of a million users: time, size of the file, and memory beyond the model.

python benchmarks/saving.py [--only integers] [--only strings]

The model has 1,000,000 users, 100,000 items, 64 components and 20,000,000 interactions, all of them random. Each
measurement runs in a new process. Requires 1.5 GB in the folder for temporary files.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import PeakMemory, machine, markdown, publish, run_parts

from sklearn_recsketch import WRMFRecommender, load_model, save_model
from sklearn_recsketch.recommenders._from_factors import fit_from_factors

USERS, ITEMS, K, PER_USER = 1_000_000, 100_000, 64, 20
MIB = 2**20
LOADERS: dict[str, Callable[[Path], Any]] = {
    "`load_model`": load_model,
    '`load_model`, mmap_mode="r"': partial(load_model, mmap_mode="r"),
    "`joblib.load`": joblib.load,
    '`joblib.load`, mmap_mode="r"': partial(joblib.load, mmap_mode="r"),
}


def random_model(n_users: int, n_items: int, strings: bool) -> WRMFRecommender:
    """A recommender with random factors and interactions."""
    rng = np.random.default_rng(0)
    ids = [
        np.array([f"{name}-{i:07d}" for i in range(n)], dtype=object) if strings else np.arange(n)
        for name, n in (("user", n_users), ("item", n_items))
    ]
    width = n_items // PER_USER
    indices = rng.integers(width, size=(n_users, PER_USER), dtype=np.int32)
    indices += np.arange(PER_USER, dtype=np.int32) * width  # distinct and sorted
    indptr = np.arange(n_users + 1, dtype=np.int32) * PER_USER
    data = np.ones(indices.size, dtype=np.float32)
    seen = sp.csr_array((data, indices.reshape(-1), indptr), shape=(n_users, n_items))
    x, y = (rng.standard_normal((n, K), dtype=np.float32) for n in (n_users, n_items))
    return fit_from_factors(WRMFRecommender(K, alpha=40, regularization=10), *ids, x, y, interactions=seen)


def array_mib(model: WRMFRecommender) -> float:
    """Size of the arrays of a model. Strings count as their characters."""
    matrix = model.interactions_
    arrays = [model.user_factors_, model.item_factors_, matrix.data, matrix.indices, matrix.indptr]
    arrays += [model._active_users, model._active_items, model._n_interactions_of_users, model._n_interactions_of_items]
    ids = [model.users_, model.items_]
    characters = sum(sum(map(len, column)) for column in ids if column.dtype == object)
    return (sum(array.nbytes for array in arrays + [c for c in ids if c.dtype != object]) + characters) / MIB


def save(folder: Path, strings: bool) -> list[dict[str, object]]:
    """Save the model in two formats."""
    model = random_model(USERS, ITEMS, strings)
    rows = []
    for name, function, file in (
        ("`save_model`", save_model, "model.zip"),
        ("`joblib.dump`", joblib.dump, "model.joblib"),
    ):
        with PeakMemory() as memory:
            start = time.perf_counter()
            function(model, folder / file)
            seconds = time.perf_counter() - start
        rows.append(
            {
                "": name,
                "s": f"{seconds:.2f}",
                "MiB of arrays": f"{array_mib(model):.1f}",
                "MiB of the file": f"{(folder / file).stat().st_size / MIB:.1f}",
                "peak MiB beyond the model": f"{memory.peak - memory.before:.0f}",
            }
        )
    return rows


def load(folder: Path, strings: bool, name: str) -> dict[str, object]:
    """Load the model, and recommend items to one user."""
    few = random_model(50, 40, strings)
    few.recommend(few.users_[:1])  # loads the kernels
    path = folder / ("model.zip" if "load_model" in name else "model.joblib")
    user = f"user-{USERS // 2:07d}" if strings else USERS // 2
    with PeakMemory() as memory:
        start = time.perf_counter()
        model = LOADERS[name](path)
        loaded = time.perf_counter() - start
    with PeakMemory() as later:
        start = time.perf_counter()
        model.recommend(user)
        first = time.perf_counter() - start
    start = time.perf_counter()
    model.recommend(user)
    second = time.perf_counter() - start
    return {
        "": name,
        "ms": f"{1000 * loaded:.0f}",
        "peak MiB": f"{memory.peak - memory.before:.0f}",
        "ms, first list": f"{1000 * first:.0f}",
        "ms, second list": f"{1000 * second:.0f}",
        "MiB after the lists": f"{later.peak - memory.before:.0f}",
    }


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, so that its memory can be measured."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure(section: str, strings: bool) -> None:
    """Save and load in new processes, and publish the results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved = pd.DataFrame(in_new_process(save, folder, strings))
        loaded = pd.DataFrame([in_new_process(load, folder, strings, loader) for loader in LOADERS])
    head = f"{USERS:,} users, {ITEMS:,} items, {K} components, {USERS * PER_USER:,} interactions; {section[7:]} as ids."
    publish(section, "\n\n".join([f"{head} {machine('joblib')}", markdown(saved), markdown(loaded)]))


if __name__ == "__main__":
    run_parts(
        __doc__,
        {
            "integers": partial(measure, "saving integers", False),
            "strings": partial(measure, "saving strings", True),
        },
    )
