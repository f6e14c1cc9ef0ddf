"""Data sets, timing and publishing of tables, shared by all benchmarks."""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer

DATA = Path(__file__).parents[2] / "shared/data"
README = Path(__file__).parent / "README.md"


class Likes(NamedTuple):
    """Training and test interactions."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame


def gowalla(or_made_up: bool = True) -> Likes:
    """LightGCN's split of Gowalla; synthetic data of its shape if the files are missing and `or_made_up` is True."""
    folder = DATA / "gowalla"
    if folder.exists() or not or_made_up:
        parts = (load_likes(folder / f"{part}.psv", user="uid", item="mid").data for part in ("train", "test"))
        return Likes("Gowalla", *parts)
    X, _ = make_interactions(30_000, 40_000, mean_activity=34, random_state=0)
    held_out = np.random.default_rng(0).random(len(X)) < 0.2
    return Likes("Made-up data of Gowalla's shape", X[~held_out], X[held_out])


def citeulike() -> pd.DataFrame:
    """Interactions of citeulike-a."""
    return load_likes(DATA / "citeulike-a/likes.psv").data


def citeulike_tags() -> SideFeatures:
    """Tags of the articles of citeulike-a."""
    return load_features(DATA / "citeulike-a/feats.psv")


class Trained(NamedTuple):
    """Result of training a contestant: the seconds of each epoch, and the learned vectors."""

    seconds: list[float]
    users: np.ndarray
    items: np.ndarray
    item_biases: np.ndarray | None = None


def with_factors(recommender, trained: Trained):
    """Replace the factors of a fitted recommender, so that the same code evaluates all libraries."""
    recommender.user_factors_ = np.ascontiguousarray(trained.users, dtype=np.float32)
    recommender.item_factors_ = np.ascontiguousarray(trained.items, dtype=np.float32)
    if trained.item_biases is not None:
        recommender.item_biases_ = np.asarray(trained.item_biases, dtype=np.float32)
    return recommender


def evaluate(recommender, test: pd.DataFrame) -> dict[str, float]:
    """Recall@20 and nDCG@20 on held-out rows."""
    return make_ranking_scorer(["recall@20", "ndcg@20"])(recommender, test)


def timed(run: Callable[[], object]) -> float:
    """Return the seconds of a single call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def alternate(contestants: dict[str, Callable[[], float]], rounds: int) -> pd.DataFrame:
    """Time all contestants alternately, because the speed of a machine varies over time; one row per round."""
    return pd.DataFrame([{name: run() for name, run in contestants.items()} for _ in range(rounds)])


def compare_seconds(seconds: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Compare pairs (ours, peer): median seconds, and the median, minimum and maximum of their ratio over rounds."""
    rows = []
    for ours, peer in pairs:
        ratio = seconds[peer] / seconds[ours]
        rows.append(
            {
                "ours": ours,
                "peer": peer,
                "ours, s": f"{seconds[ours].median():.3g}",
                "peer, s": f"{seconds[peer].median():.3g}",
                "ratio": f"{ratio.median():.2f}",
                "lowest to highest": f"{ratio.min():.2f} to {ratio.max():.2f}",
            }
        )
    return pd.DataFrame(rows)


def run_parts(description: str | None, parts: dict[str, Callable[[], object]]) -> None:
    """Run the parts of a benchmark that are selected with ``--only``, by default all of them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(parts))
    for part in parser.parse_args().only or parts:
        parts[part]()


class PeakMemory:
    """Memory of this process on entry and its peak until exit, in MiB. Only available on Linux."""

    def __enter__(self) -> PeakMemory:
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # returns freed memory, which would hide later allocations
        self.before = self._status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        return self

    def __exit__(self, *exception: object) -> None:
        self.peak = self._status("VmHWM")

    @staticmethod
    def _status(name: str) -> float:
        found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
        assert found is not None
        return int(found.group(1)) / 1024


def markdown(table: pd.DataFrame) -> str:
    """Format a table as Markdown."""
    lines = [list(map(str, table.columns)), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(*packages: str) -> str:
    """Describe the machine and the versions of packages."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())
        model = found.group(1) if found else model
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", *packages))
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}, {versions}."


def publish(section: str, text: str) -> None:
    """Print a result, and write it to the README between the markers of its section."""
    print(text, flush=True)
    page = README.read_text()
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    before, rest = page.split(begin)
    README.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")
