"""Ethan Rosenthal's two posts on Sketchfab models (2016), repeated: writes docs/posts.rst and its pictures.

    python benchmarks/posts.py                 # on citeulike-a, or made-up data of its size if the files are missing
    python benchmarks/posts.py --sketchfab     # on the posts' own data, which are downloaded
    python benchmarks/posts.py --quick --to .  # on a little made-up data: shows that the script runs
    python benchmarks/posts.py --only page     # writes the page from kept results

The results of each part are kept in posts.joblib, which is not part of the repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from common import DATA, citeulike, citeulike_tags, machine
from posts_page import write_page
from posts_runs import FULL, QUICK, Replay

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.datasets import fetch_sketchfab, make_interactions

KEPT = Path(__file__).parent / "posts.joblib"
DOCS = Path(__file__).parents[1] / "docs"


def load(arguments: argparse.Namespace) -> tuple[str, pd.DataFrame, SideFeatures]:
    """Return the name of the data, the likes and the tags."""
    if arguments.sketchfab:
        likes = fetch_sketchfab()
        return "Sketchfab", likes.data, likes.item_features
    if (DATA / "citeulike-a").exists() and not arguments.quick:
        return "citeulike-a", citeulike(), citeulike_tags()
    sizes = (300, 150) if arguments.quick else (5_551, 16_980)
    X, _, tags = make_interactions(
        *sizes, mean_activity=20 if arguments.quick else 37, n_tags=40, return_features=True, random_state=0
    )
    return "made-up data", X, tags


def parts(replay: Replay, kept: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """The parts of the replay, in an order in which each finds the results that it needs."""

    def best(name: str) -> dict[str, Any]:
        return dict(kept[name]["search"].best_params_)

    def start() -> dict[str, Any]:
        """The best parameters without tags, with one penalty for users and items."""
        found = best("forest")
        penalty = found.pop("regularization")
        found["learning_rate"] = max(found["learning_rate"], 1e-3)  # the bound of the second search
        return found | {"item_regularization": penalty, "user_regularization": penalty}

    return {
        "data": replay.data,
        "grid": replay.grid,
        "best_curve": lambda: replay.best_curve(best("grid")),
        "warp_curve": replay.warp_curve,
        "learning_rates": replay.learning_rates,
        "forest": lambda: replay.forest(None),
        "tagged": lambda: replay.forest(start()),
        "models": lambda: replay.models(best("grid"), best("forest"), best("tagged")),
        "sorted_tags": lambda: replay.sorted_tags(best("tagged")),
        "new_items": replay.new_items,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sketchfab", action="store_true", help="download the posts' own data")
    parser.add_argument("--quick", action="store_true", help="use a little made-up data and keep no results")
    parser.add_argument("--only", action="append", help="a part, or 'page'; results of other parts are read")
    parser.add_argument("--to", type=Path, default=DOCS, help="folder for posts.rst and images")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    name, likes, tags = load(arguments)
    replay = Replay(likes, tags, QUICK if arguments.quick else FULL, arguments.n_jobs)
    kept: dict[str, Any] = {}
    if arguments.only and KEPT.exists():
        kept = joblib.load(KEPT)
    for part, run in parts(replay, kept).items():
        if arguments.only is None or part in arguments.only:
            kept[part] = run()
            print(f"{part}: done", flush=True)
            if not arguments.quick:
                merged = (joblib.load(KEPT) if KEPT.exists() else {}) | {part: kept[part], "machine": machine()}
                joblib.dump(merged, KEPT)
    if arguments.only is None or "page" in arguments.only:
        kept.setdefault("machine", machine())
        print(write_page(arguments.to, name, replay.plan, kept))


if __name__ == "__main__":
    main()
