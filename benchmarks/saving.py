"""Saving and loading a model of a million users: time, size of the file, and memory beyond the model.

python benchmarks/saving.py [--only integers] [--only strings]

The model has 1,000,000 users, 100,000 items, 64 components and 20,000,000 interactions, all of them random. Models
are loaded in new processes, alternately. Requires 1.5 GB in the folder for temporary files.
"""

from __future__ import annotations

import multiprocessing
import os
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
ROUNDS = 3
MIB = 2**20
SAVERS = {"`save_model`": (save_model, "model.zip"), "`joblib.dump`": (joblib.dump, "model.joblib")}
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


class Stopwatch:
    """Seconds and CPU seconds of this process until exit."""

    def __enter__(self) -> Stopwatch:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exception: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._start[0], time.process_time() - self._start[1]


def save(folder: Path, strings: bool) -> list[dict[str, Any]]:
    """Save the model in two formats, alternately."""
    model = random_model(USERS, ITEMS, strings)
    rows = []
    for _ in range(ROUNDS):
        for name, (function, file) in SAVERS.items():
            with PeakMemory() as memory, Stopwatch() as watch:
                function(model, folder / file)
            rows.append(
                {
                    "": name,
                    "s": watch.wall,
                    "s of CPU": watch.cpu,
                    "MiB of arrays": array_mib(model),
                    "MiB of the file": (folder / file).stat().st_size / MIB,
                    "peak MiB beyond the model": memory.peak - memory.before,
                }
            )
    return rows


def load(folder: Path, strings: bool, name: str) -> dict[str, Any]:
    """Load the model, and recommend items to one user."""
    few = random_model(50, 40, strings)
    few.recommend(few.users_[:1])  # loads the kernels
    user = f"user-{USERS // 2:07d}" if strings else USERS // 2
    with PeakMemory() as memory, Stopwatch() as watch:
        model = LOADERS[name](folder / SAVERS["`save_model`" if "load_model" in name else "`joblib.dump`"][1])
    with PeakMemory() as later, Stopwatch() as first:
        model.recommend(user)
    with Stopwatch() as second:
        model.recommend(user)
    return {
        "": name,
        "ms": 1000 * watch.wall,
        "ms of CPU": 1000 * watch.cpu,
        "peak MiB": memory.peak - memory.before,
        "ms, first list": 1000 * first.wall,
        "ms of CPU, first list": 1000 * first.cpu,
        "ms, second list": 1000 * second.wall,
        "MiB after the lists": later.peak - memory.before,
    }


def medians(rows: list[dict[str, Any]]) -> str:
    """Table with the medians over the rounds."""
    table = pd.DataFrame(rows).groupby("", sort=False).median()
    seconds = [name for name in table if str(name).startswith("s")]
    return markdown(table.map("{:.0f}".format).assign(**table[seconds].map("{:.2f}".format)).reset_index())


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, so that its memory can be measured."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure(section: str, strings: bool) -> None:
    """Save and load in new processes, and publish the results."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved = in_new_process(save, folder, strings)
        loaded = [in_new_process(load, folder, strings, loader) for _ in range(ROUNDS) for loader in LOADERS]
    head = (
        f"{USERS:,} users, {ITEMS:,} items, {K} components, {USERS * PER_USER:,} interactions; {section[7:]} as ids. "
        f"Medians over {ROUNDS} rounds. Load average of the machine: {load_before:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end. {machine('joblib')}"
    )
    publish(section, "\n\n".join([head, medians(saved), medians(loaded)]))


if __name__ == "__main__":
    run_parts(
        __doc__,
        {
            "integers": partial(measure, "saving integers", False),
            "strings": partial(measure, "saving strings", True),
        },
    )
