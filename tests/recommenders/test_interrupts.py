"""SIGINT at any time raises KeyboardInterrupt and changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

ROUNDS = 3
LONGEST = 0.4  # seconds from the start of a task to a signal, enough for several epochs of a small fit

# Starts each task ROUNDS times, and prints what remains of each run after KeyboardInterrupt.
CHILD = textwrap.dedent(
    """
    import signal, sys, threading, time
    import numpy as np
    from threadpoolctl import threadpool_info, threadpool_limits
    from sklearn_recsketch import BPRRecommender, PopularityRecommender, WARPRecommender, WRMFRecommender
    from sklearn_recsketch.datasets import make_interactions
    from sklearn_recsketch.model_selection import EpochSearchCV

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threadpool_limits(2, user_api="blas")
    X, y, F = make_interactions(
        300, 120, mean_activity=15, n_tags=25, counts=True, return_features=True, random_state=0
    )

    def blas_threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    def threads_of_pools():
        return [t for t in threading.enumerate() if t.name.startswith("recsketch") and t.is_alive()]

    def endless(cls, **params):
        few = {"max_iter": 1, "n_components": 4, "random_state": 0, **params}
        return cls(**few).fit(X, y, item_features=F).set_params(max_iter=10**6)

    def repeated(call):
        while True:
            call()

    searched = WRMFRecommender(4, max_iter=5, random_state=0)
    search = EpochSearchCV(searched, {"alpha": np.arange(1.0, 1000.0)}, epochs=[5], refit=False)
    fits = [
        endless(WRMFRecommender),
        endless(WRMFRecommender, n_jobs=2),
        endless(WRMFRecommender, solver="cholesky"),
        endless(WRMFRecommender, solver="cg", early_stopping=True, n_iter_no_change=10**6),
        endless(WARPRecommender),
        endless(WARPRecommender, n_jobs=2),
        endless(BPRRecommender, early_stopping=True, n_iter_no_change=10**6),
    ]
    tasks = [(model, lambda model=model: model.fit(X, y, item_features=F)) for model in fits]
    popular = PopularityRecommender().fit(X, y)
    tasks += [
        (popular, lambda: repeated(lambda: PopularityRecommender().fit(X, y))),
        (fits[1], lambda: repeated(lambda: fits[1].recommend(k=5))),
        (fits[4], lambda: repeated(lambda: fits[4].recommend(history=X, k=5))),
        (fits[0], lambda: repeated(lambda: WRMFRecommender(4, max_iter=1).fit(X, y).partial_fit(X, y))),
        (search, lambda: repeated(lambda: search.fit(X, y))),
    ]
    print(len(tasks), flush=True)
    for estimator, call in tasks:
        for _ in range(int(sys.argv[1])):
            before, limits = dict(vars(estimator)), blas_threads()
            try:
                print("start", flush=True)
                call()
            except KeyboardInterrupt:
                pass
            after = vars(estimator)
            same = list(before) == list(after) and all(after[name] is before[name] for name in before)
            # A thread whose start was interrupted ends soon. It cannot be joined before it has started.
            deadline = time.monotonic() + 5
            while threads_of_pools() and time.monotonic() < deadline:
                time.sleep(0.01)
            alive = bool(threads_of_pools())
            print(f"unchanged={same} restored={blas_threads() == limits} threads={alive}", flush=True)
    """
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to a single process")
def test_signals_at_random_times_change_nothing():
    random = np.random.default_rng(0)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(ROUNDS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        lines = []
        for _ in range(ROUNDS * int(process.stdout.readline())):
            assert process.stdout.readline() == "start\n", process.stderr.read()
            time.sleep(LONGEST * random.random())
            process.send_signal(signal.SIGINT)
            lines.append(process.stdout.readline())
    assert set(lines) == {"unchanged=True restored=True threads=False\n"}
    assert process.returncode == 0
