"""Time from Ctrl-C to KeyboardInterrupt, by what is interrupted.

python benchmarks/interrupts.py [--rows 3000000] [--rounds 8] [--seconds 4] [--n-jobs 1] [--seed 0] [--only WRMF]

Each task runs in a process of its own. Signals are sent at random times within the first seconds of processor time.
After each interruption, the process checks that the estimator is unchanged, that the number of BLAS threads is restored
and that no thread of the package is alive. On a busy machine, the seconds include
the time that other processes take, so the processor time is shown as well. The table names the function of the package
with the longest delay.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import numpy as np
import pandas as pd
from common import markdown
from sklearn.base import clone
from threadpoolctl import threadpool_info

from sklearn_recsketch import (
    BPRRecommender,
    PopularityRecommender,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit

SMALL_ROWS = 90_000  # lastfm has 93,000 interactions


def made_up(n_rows: int, as_strings: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """Interactions of n_rows / 15 users with n_rows / 30 items, a few of which have a large part of all rows."""
    rng = np.random.default_rng(0)
    n_users, n_items = max(20, n_rows // 15), max(20, n_rows // 30)
    users = (n_users * rng.random(n_rows) ** 2).astype(np.int64)
    items = (n_items * rng.random(n_rows) ** 4).astype(np.int64)
    X = pd.DataFrame({"user": users, "item": items})
    if as_strings:
        X = pd.DataFrame({name: np.char.add(name, X[name].to_numpy().astype(str)).astype(object) for name in X})
    return X, rng.lognormal(1, 2, n_rows)


def tags(ids: np.ndarray) -> SideFeatures:
    """Ten tags of 5,000 for each id."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(ids, 10), "type": "tag", "value": rng.integers(0, 5000, 10 * len(ids))})
    return SideFeatures.from_long(table.astype({"value": str}).drop_duplicates(), id="id")


def repeat(call: Callable[[], object]) -> NoReturn:
    """Call a function that takes less time than the interval in which signals are sent."""
    while True:
        call()


def recommender_task(name: str, n_rows: int, n_jobs: int) -> tuple[object, Callable[[], object]]:
    """Return a fitted recommender and the call to interrupt."""
    X, y = made_up(n_rows, as_strings="strings" in name)
    small = made_up(5000, as_strings="strings" in name)
    if "reading" in name:
        model = PopularityRecommender().fit(*small)
        return model, lambda: repeat(lambda: clone(model).fit(X, y))
    cls = {"WRMF": WRMFRecommender, "WARP": WARPRecommender, "BPR": BPRRecommender}[name.split()[0]]
    solver = {"solver": next((solver for solver in ("cholesky", "cg") if solver in name), "auto")}
    model = cls(max_iter=1000, n_jobs=n_jobs, random_state=0, **(solver if cls is WRMFRecommender else {}))
    features = tags(np.unique(X["item"])) if "tags" in name else None
    for_small = None if features is None else tags(np.unique(small[0]["item"]))
    queries = ("recommend", "lists", "predict", "similar", "history", "partial")
    if any(query in name for query in queries):
        model.set_params(max_iter=1).fit(X, y)
        calls = {
            "recommend": lambda: model.recommend(),
            "lists": lambda: model.recommend(k=1000),
            "predict": lambda: model.predict(X),
            "similar": lambda: model.similar_items(model.items_),
            "history": lambda: model.recommend(history=X),
            "partial": lambda: model.partial_fit(X, y),
        }
        call = calls[next(query for query in queries if query in name)]
        return model, call if "partial" in name else lambda: repeat(call)
    model.set_params(max_iter=1).fit(*small, item_features=for_small)
    model.set_params(max_iter=1000, early_stopping="stopping" in name, n_iter_no_change=1000)
    return model, lambda: model.fit(X, y, item_features=features)


def search_task(n_rows: int, backend: str) -> tuple[object, Callable[[], object]]:
    """Return a search and the call to interrupt."""
    from joblib import parallel_config

    X, y = made_up(min(n_rows, SMALL_ROWS))
    estimator = WRMFRecommender(32, random_state=0)
    search = EpochSearchCV(
        estimator, {"alpha": [1.0, 10.0, 40.0]}, epochs=[50, 100], cv=UserHoldoutSplit(random_state=0), n_jobs=2
    )

    def fit() -> None:
        with parallel_config(backend):
            search.fit(X, y)

    return search, fit


TASKS = (
    "reading integers",
    "reading strings",
    "WRMF",
    "WRMF cg",
    "WRMF cholesky",
    "WRMF tags",
    "WRMF cholesky tags",
    "WRMF stopping",
    "WARP",
    "WARP tags",
    "WARP stopping",
    "BPR",
    "WRMF recommend",
    "WRMF lists",
    "WRMF predict",
    "WRMF similar",
    "WRMF history",
    "WRMF partial",
    "WARP history",
    "search threading",
    "search loky",
)


def task_of(name: str, n_rows: int, n_jobs: int) -> tuple[object, Callable[[], object]]:
    """Return an estimator and the call to interrupt."""
    if name.startswith("search"):
        return search_task(n_rows, name.split()[1])
    return recommender_task(name, n_rows, n_jobs)


def blas_threads() -> list[int]:
    """Numbers of threads of the BLAS libraries."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def innermost(error: BaseException) -> str:
    """Return the innermost function of the package in a traceback, with its line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "sklearn_recsketch" in frame.filename]
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno} {frames[-1].name}" if frames else "other"


def child(name: str, n_rows: int, n_jobs: int) -> None:
    """Run a task until the input ends. For each run, print the time and place of its interruption, or "finished"."""
    estimator, call = task_of(name, n_rows, n_jobs)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # processes in the background of a shell ignore it
    while True:
        before, limits = dict(vars(estimator)), blas_threads()
        print("start", flush=True)
        try:
            call()
            print("finished", flush=True)
            signal.pause()
        except KeyboardInterrupt as error:
            end, cpu, place = time.monotonic(), time.process_time(), innermost(error)
        alive = [thread.name for thread in threading.enumerate() if thread.name.startswith("recsketch")]
        after = vars(estimator)
        changed = [key for key in before | after if before.get(key) is not after.get(key)] if place != "other" else []
        ok = not alive and blas_threads() == limits and not changed
        print(end, cpu, "ok" if ok else f"WRONG{alive}{changed}".replace(" ", ""), place, flush=True)
        if not sys.stdin.readline():
            return


class Interruption(NamedTuple):
    """Result of a signal: seconds and seconds of processor time until KeyboardInterrupt, NaN if the task had ended."""

    seconds: float
    cpu: float
    state: str
    place: str


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process. Only available on Linux."""
    return time.clock_gettime((~process << 3) | 2)


def interrupt(name: str, arguments: argparse.Namespace) -> list[Interruption]:
    """Interrupt a task several times."""
    rng = np.random.default_rng([arguments.seed, TASKS.index(name)])
    command = [sys.executable, __file__, "--child", name, "--rows", str(arguments.rows), "--n-jobs"]
    results = []
    with subprocess.Popen(
        [*command, str(arguments.n_jobs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(arguments.rounds):
            if process.stdout.readline() != "start\n":
                raise RuntimeError(f"The process of {name!r} failed.")
            end_of_wait = cpu_seconds(process.pid) + arguments.seconds * rng.random()
            patience = time.monotonic() + 10 * arguments.seconds
            while cpu_seconds(process.pid) < end_of_wait and time.monotonic() < patience:
                time.sleep(0.001)
            sent, cpu_before = time.monotonic(), cpu_seconds(process.pid)
            process.send_signal(signal.SIGINT)
            line = process.stdout.readline()
            finished = line == "finished\n"
            if finished:
                line = process.stdout.readline()
            end, cpu, state, place = line.split(maxsplit=3)
            delays = (np.nan, np.nan) if finished else (float(end) - sent, float(cpu) - cpu_before)
            results.append(Interruption(*delays, state, place.strip()))
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdout.readline()
        process.terminate()
    return results


def main() -> None:
    """Print the distribution of the delays of each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=TASKS)
    parser.add_argument("--child", choices=TASKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.rows, arguments.n_jobs)
        return
    rows = []
    for name in arguments.only or TASKS:
        results = interrupt(name, arguments)
        interrupted = [result for result in results if np.isfinite(result.seconds)]
        row = {"task": name, "interrupted": len(interrupted)}
        for label, values in (("s", [r.seconds for r in interrupted]), ("CPU s", [r.cpu for r in interrupted])):
            for statistic, share in (("median", 0.5), ("p95", 0.95), ("max", 1)):
                row[f"{statistic}, {label}"] = f"{np.quantile(values, share):.3f}" if values else "-"
        row["longest in"] = max(interrupted, key=lambda result: result.cpu).place if interrupted else "-"
        row["state"] = ", ".join(sorted({result.state for result in results}))
        print(row, flush=True)
        rows.append(row)
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
