"""The same job with three libraries: lines of code, seconds and nDCG@10.

python benchmarks/same_job.py [--rounds 3]

The job: read a CSV file of likes with string ids, drop users and items with fewer than five likes, hold out five likes
of a fifth of the users, choose the number of components and of iterations by nDCG@10 on likes that are held out in the
same way from the rest, print nDCG@10 of the chosen model on the held-out likes, train it on all likes, and write the
ten best unseen items of every user to a CSV file. Each program in `same_job_programs` runs in a process of its own,
with two threads and a warm cache of kernels. The seconds include the start of Python and all imports. Lines that are
blank are not counted. CPU seconds depend less than seconds on what else the machine does. implicit and LightFM hold out
other likes than ours, of as many users, by their own random draws.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from common import machine, markdown, publish

from sklearn_recsketch.datasets import make_interactions

PROGRAMS = {"this package": "ours", "implicit": "with_implicit", "LightFM": "with_lightfm"}
FOLDER = Path(__file__).parent / "same_job_programs"


def n_lines(program: str) -> int:
    return sum(bool(line.strip()) for line in (FOLDER / f"{program}.py").read_text(encoding="utf-8").splitlines())


class Run(NamedTuple):
    """Seconds of a program, seconds of all its threads, and the nDCG@10 that it prints."""

    seconds: float
    cpu_seconds: float
    ndcg: float


def run(program: str, likes: Path) -> Run:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    start, before = time.perf_counter(), os.times()
    command = [sys.executable, str(FOLDER / f"{program}.py"), str(likes), str(likes.with_name(f"{program}.csv"))]
    output = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
    seconds, after = time.perf_counter() - start, os.times()
    cpu_seconds = after.children_user - before.children_user + after.children_system - before.children_system
    return Run(seconds, cpu_seconds, float(re.findall(r"[\d.]+", output)[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    X, _ = make_interactions(n_users=10_000, n_items=3_000, random_state=0)
    measured: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        likes = Path(folder) / "likes.csv"
        pd.DataFrame({"user": "u" + X["user"].astype(str), "item": "i" + X["item"].astype(str)}).to_csv(
            likes, index=False
        )
        run("ours", likes)  # compiles the kernels
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                measured[name].append(run(program, likes))
    table = pd.DataFrame(
        {
            "": name,
            "lines": n_lines(PROGRAMS[name]),
            "seconds": f"{statistics.median(one.seconds for one in runs):.1f}",
            "CPU seconds": f"{statistics.median(one.cpu_seconds for one in runs):.1f}",
            "nDCG@10": f"{runs[0].ndcg:.3f}",
        }
        for name, runs in measured.items()
    )
    publish("same job", machine("implicit", "lightfm-next") + "\n\n" + markdown(table))


if __name__ == "__main__":
    main()
