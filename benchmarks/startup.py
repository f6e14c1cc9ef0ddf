"""Seconds of an import, of a first fit with compilation, and of a tiny fit in a new process with a warm cache.

python benchmarks/startup.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

import pandas as pd
from common import machine, markdown, publish

FIT = """
import pandas as pd
from sklearn_recsketch import {name}
X = pd.DataFrame({{"user": [u for u in range(20) for _ in range(5)], "item": [(7 * u + 3 * i) % 30 for u in range(20)
                  for i in range(5)]}})
{name}(8, max_iter=2, random_state=0).fit(X).recommend(k=3)
"""


def seconds(code: str, cache: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"NUMBA_CACHE_DIR": cache})
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rows = []
    runs = {name: name for name in ("import pandas, sklearn.base, scipy.sparse, numba", "import sklearn_recsketch")}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("WRMFRecommender", "WARPRecommender", "BPRRecommender"):
            with tempfile.TemporaryDirectory() as empty:
                first = [seconds(FIT.format(name=name), empty)]
            rows.append({"": f"first {name}: import, compile, fit, recommend", "s": first})
            seconds(FIT.format(name=name), cache)
            runs[f"next tiny {name}: import, fit, recommend"] = FIT.format(name=name)
        times: dict[str, list[float]] = {label: [] for label in runs}
        for _ in range(rounds):
            for label, code in runs.items():
                times[label].append(seconds(code, cache))
    rows += [{"": label, "s": values} for label, values in times.items()]
    table = pd.DataFrame(rows)
    table["lowest to highest"] = [f"{min(values):.2f} to {max(values):.2f}" for values in table.s]
    table["s"] = [f"{pd.Series(values).median():.2f}" for values in table.s]
    publish("startup", f"New processes, medians of {rounds}. {machine()}\n\n{markdown(table)}")


if __name__ == "__main__":
    main()
