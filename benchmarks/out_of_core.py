"""Training on fifty million interactions from a Parquet file, on a single machine.

    python benchmarks/out_of_core.py [--only integers] [--only strings] [--only chunks]

There are 2,000,000 users and 100,000 items, with long-tailed popularity and 64 clusters of taste; models have 32
components. Each part runs in a separate process. Requires the extra [parquet] and 2 GB in the folder for temporary
files.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from common import PeakMemory, machine, markdown, publish, run_parts
from contestants import EpochTimes

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.preprocessing import ParquetInteractions

USERS, ITEMS, CLUSTERS, ROWS, CHUNK = 2_000_000, 100_000, 64, 50_000_000, 1_000_000
K, THREADS, SWEEPS = 32, 2, 5
FOLDER = Path(tempfile.gettempdir()) / "sklearn-recsketch-benchmark"


def pairs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random interactions, 70 % of them with items of the user's cluster. Ids are not sorted by popularity."""
    user = (USERS * rng.random(n) ** 2).astype(np.int64)
    item = (ITEMS * rng.random(n) ** 3).astype(np.int64)
    same_cluster = item - item % CLUSTERS + user % CLUSTERS
    item = np.minimum(np.where(rng.random(n) < 0.7, same_cluster, item), ITEMS - 1)
    return user * 1_299_709 % USERS, item * 15_485_863 % ITEMS  # primes that do not divide them


def parquet_file(strings: bool) -> Path:
    """Write the file in chunks, unless it exists; return its path."""
    path = FOLDER / f"{'strings' if strings else 'integers'}-{ROWS}.parquet"
    if path.exists():
        return path
    FOLDER.mkdir(exist_ok=True)
    rng, partial_path = np.random.default_rng(0), path.with_suffix(".part")
    kind = pa.string() if strings else pa.int64()
    with pq.ParquetWriter(partial_path, pa.schema([("user", kind), ("item", kind)])) as writer:
        for _ in range(ROWS // CHUNK):
            columns = pairs(CHUNK, rng)
            if strings:
                columns = tuple(
                    pa.array(np.char.add(prefix, column.astype(str)))
                    for prefix, column in zip(("user-", "item-"), columns, strict=True)
                )
            writer.write_table(pa.table(dict(zip(("user", "item"), columns, strict=True))))
    return partial_path.rename(path)


def compile_kernels(model, folder: str) -> None:
    """Fit a few rows of a file, so that compilation is not measured later."""
    path = Path(folder) / "few.parquet"
    pd.DataFrame({"user": np.arange(100) % 9, "item": np.arange(100) % 11}).to_parquet(path)
    model.fit(ParquetInteractions(path))


def fit(path: Path) -> dict[str, object]:
    """Fit WRMF to the file."""
    model = WRMFRecommender(K, alpha=40, regularization=10, max_iter=SWEEPS, n_jobs=THREADS, random_state=0)
    times = EpochTimes()
    with tempfile.TemporaryDirectory() as folder:
        compile_kernels(model, folder)
    model.set_callbacks(times)
    with PeakMemory() as memory:
        start = time.perf_counter()
        model.fit(ParquetInteractions(path))
        seconds = time.perf_counter() - start
    assert model.user_factors_.dtype == model.interactions_.dtype == np.float32
    return {
        "ids": path.stem.partition("-")[0],
        "distinct pairs": f"{model.interactions_.nnz:,}",
        "s, reading to factors at random": f"{seconds - sum(times.seconds):.1f}",
        "s, iteration": f"{np.median(times.seconds):.2f}",
        "first to last": " ".join(f"{s:.1f}" for s in times.seconds),
        "MiB before": f"{memory.before:.0f}",
        "peak MiB": f"{memory.peak:.0f}",
    }


def partial_fits(path: Path) -> dict[str, object]:
    """Train WARP on the chunks of the file, in a single pass."""
    model, seconds = WARPRecommender(K, n_jobs=THREADS, random_state=0), []
    with tempfile.TemporaryDirectory() as folder:
        few = WARPRecommender(K, max_iter=1, n_jobs=THREADS)
        compile_kernels(few, folder)
        few.partial_fit(few.users_[[0, 1], None].repeat(2, axis=1))
    with PeakMemory() as memory:
        for chunk in ParquetInteractions(path, batch_size=CHUNK).batches():
            start = time.perf_counter()
            model.partial_fit(chunk)
            seconds.append(time.perf_counter() - start)
    return {
        "chunks": len(seconds),
        "s, all": f"{sum(seconds):.0f}",
        "s, first five": f"{np.median(seconds[:5]):.2f}",
        "s, last five": f"{np.median(seconds[-5:]):.2f}",
        "MiB before": f"{memory.before:.0f}",
        "peak MiB": f"{memory.peak:.0f}",
    }


def measure(section: str, text: str, run, strings: bool) -> None:
    """Run in a new process, and publish the result."""
    path = parquet_file(strings)
    # Not multiprocessing.Pool: joblib limits its daemonic processes to one thread.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        row = pool.submit(run, path).result()
    size = f"{path.stat().st_size / 2**20:.0f} MiB of Parquet"
    publish(section, f"{text} {size}. {machine('pyarrow')}\n\n{markdown(pd.DataFrame([row]))}")


if __name__ == "__main__":
    wrmf = f"WRMF, {K} components, {THREADS} threads, alpha 40, regularization 10."
    run_parts(
        __doc__,
        {
            "integers": partial(measure, "out of core integers", wrmf, fit, False),
            "strings": partial(measure, "out of core strings", wrmf, fit, True),
            "chunks": partial(
                measure, "out of core chunks", f"WARP, {K} components, chunks of {CHUNK:,} rows.", partial_fits, False
            ),
        },
    )
