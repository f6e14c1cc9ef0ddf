"""Which treatment of tags helps: the experiments that a post of 2016 on learning to rank would have loved to run.

    python examples/tag_experiments.py                                           # on data made here
    python examples/tag_experiments.py --likes likes.psv --features feats.psv    # on files

Its tags had made the recommendations worse. The post wonders whether to scale them differently from ids or
to regularize them separately, to divide them by the number of tags of an item, to use those of several items
only, or those of items with few likes only. Each of these is a row of a table, named by the parameters to set,
in a search as they stand. Warm scores are of held-out likes of items trained on, cold ones of items held out
whole. Compare differences with that of the second row, which is the first with another seed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import ColdItemSplit, UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

BASELINE, DEFAULTS = "no tags", "defaults"
WARM, COLD = ("precision@5", "recall@20"), "recall@20"
Rows = tuple[pd.DataFrame, pd.DataFrame]  # for training, for testing


def load(arguments: argparse.Namespace) -> tuple[str, pd.DataFrame, SideFeatures]:
    """Title, likes and features."""
    if arguments.likes is None:
        X, _, tags = make_interactions(3000, 1500, return_features=True, random_state=arguments.seed)
        return "made by make_interactions", X, tags
    likes = load_likes(arguments.likes)
    print(f"{likes.n_duplicates} exact duplicate rows dropped")
    title = f"{Path(arguments.likes).parent.name}/{Path(arguments.likes).name}"
    return title, likes.data, load_features(arguments.features)


def base_models(arguments: argparse.Namespace) -> dict[str, Any]:
    """WRMF and WARP before any tuning, of a strength for the data at hand."""
    large = arguments.likes is not None
    common = {"n_jobs": arguments.n_jobs, "random_state": arguments.seed, "item_encoder": SideFeatureEncoder()}
    return {
        "WRMF": WRMFRecommender(
            arguments.n_components, alpha=50 if large else 10, regularization=10 if large else 50, **common
        ),
        "WARP": WARPRecommender(arguments.n_components, **common),
    }


def variants(model: Any, max_interactions: int) -> list[tuple[str, dict[str, Any]]]:
    """The idea and the parameters of each row; all but the first two rows use tags."""
    return [
        (BASELINE, {}),
        (BASELINE, {"random_state": model.random_state + 1}),
        (DEFAULTS, {}),
        ("as in the post", {"item_encoder__norm": None, "item_encoder__idf": False}),
        ("by number of tags", {"item_encoder__norm": "l1"}),
        ("by number of tags", {"item_encoder__norm": "l1", "item_encoder__idf": False}),
        ("to unit length", {"item_encoder__norm": "l2", "item_encoder__idf": False}),
        ("tags of some items", {"item_encoder__min_count": 5}),
        ("tags of some items", {"item_encoder__min_count": 20}),
        ("items of few likes", {"item_encoder__max_interactions": max_interactions}),
        ("scaled differently", {"item_encoder__feature_weight": 0.5}),
        ("scaled differently", {"item_encoder__feature_weight": 2.0}),
        ("scaled differently", {"item_encoder__feature_weight": 4.0}),
        ("regularized more", {"feature_regularization": float(f"{10 * model.regularization:.6g}")}),
        ("tags alone", {"item_encoder__identity": False}),
    ]


def with_untagged(X: pd.DataFrame, features: SideFeatures) -> tuple[SideFeatures, int]:
    """Features with one of its own for the items of X that have none, and the number of those items."""
    tagged = features.ids[np.diff(features.matrix.indptr) > 0]
    untagged = np.setdiff1d(np.unique(X["item"]), tagged)
    if not len(untagged):
        return features, 0
    filled = SideFeatures.from_dicts({item: {"untagged": "yes"} for item in untagged})
    return features.updated(filled, "item"), len(untagged)


def run(model: Any, warm: Rows, cold: Rows, features: SideFeatures, filled: SideFeatures) -> pd.DataFrame:
    """One row per variant: warm and cold scores, and the time of the warm fit."""
    # The same items for all: a model that knows tags would else rank items without likes, too.
    warm_scorer = make_ranking_scorer(list(WARM), candidates=warm[0]["item"].unique())
    cold_scorer = make_ranking_scorer(COLD, candidates=cold[1]["item"].unique())
    for tags in (None, features):  # compiles what is not compiled yet, so that no fit below is timed with it
        clone(model).set_params(max_iter=1).fit(warm[0], item_features=tags)
    rows: list[dict[str, Any]] = []
    for idea, parameters in variants(model, int(warm[0]["item"].value_counts().median())):
        variant = clone(model).set_params(**parameters)
        tags = features if parameters.get("item_encoder__identity", True) else filled
        tags = None if idea == BASELINE else tags
        start = time.perf_counter()
        variant.fit(warm[0], item_features=tags)
        seconds = time.perf_counter() - start
        row: dict[str, Any] = {
            "idea": idea,
            "parameters": ", ".join(f"{key}={value!r}" for key, value in parameters.items()),
        }
        for metric, score in warm_scorer(variant, warm[1]).items():
            baseline = rows[0][f"warm {metric}"] if rows else score
            row |= {f"warm {metric}": score, f"{metric} - no tags": score - baseline}
        cold_score = np.nan
        if tags is not None:
            cold_score = cold_scorer(variant.fit(cold[0], item_features=tags), cold[1])
        rows.append({**row, f"cold {COLD}": cold_score, "seconds to fit": seconds})
    return pd.DataFrame(rows)


def show(name: str, table: pd.DataFrame) -> None:
    """Print the table of a model, and the best variant of each column."""
    formats: dict[str, Any] = dict.fromkeys((f"warm {metric}" for metric in WARM), "{:.4f}".format)
    formats |= dict.fromkeys((f"{metric} - no tags" for metric in WARM), "{:+.4f}".format)
    formats |= {f"cold {COLD}": "{:.4f}".format, "seconds to fit": "{:.1f}".format}
    for column in ("idea", "parameters"):
        formats[column] = f"{{:<{table[column].str.len().max()}}}".format
    print(f"\n== {name} ==\n{table.to_string(index=False, justify='left', na_rep='-', formatters=formats)}")
    tagged = table[table["idea"] != BASELINE]
    for column, reference in [*((f"warm {metric}", BASELINE) for metric in WARM), (f"cold {COLD}", DEFAULTS)]:
        base = float(table[table["idea"] == reference][column].iloc[0])
        best = tagged.iloc[int(tagged[column].argmax())]
        label = f"{best['idea']} ({best['parameters']})" if best["parameters"] else best["idea"]
        change = f"{best[column] - base:+.4f}, {best[column] / base - 1:+.1%}"
        if reference == BASELINE:
            verb = "beats" if best[column] > base else "does not beat"
            by_seed = float(table[column].iloc[1]) - base
            print(f"Best {column} with tags: {label} {verb} {BASELINE}: {change}; another seed: {by_seed:+.4f}.")
        elif best["idea"] == DEFAULTS:
            print(f"Best {column}: {DEFAULTS}.")
        else:
            print(f"Best {column}: {label} beats {DEFAULTS}: {change}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", help="pipe-separated file with columns modelname, mid, uid")
    parser.add_argument("--features", help="pipe-separated file with columns mid, type, value")
    parser.add_argument("--n-components", type=int, default=64)
    parser.add_argument("--n-jobs", type=int, default=-1, help="threads")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if (arguments.likes is None) != (arguments.features is None):
        parser.error("--likes and --features go together")
    started = time.perf_counter()
    title, X, features = load(arguments)
    X = threshold_interactions(X, user_min=5, item_min=5)
    filled, n_untagged = with_untagged(X, features)

    splitters = (
        UserHoldoutSplit(random_state=arguments.seed),
        ColdItemSplit(test_size=0.1, random_state=arguments.seed),
    )
    warm, cold = (tuple(X.iloc[rows] for rows in next(splitter.split(X))) for splitter in splitters)
    n_items, n_cold = X["item"].nunique(), cold[1]["item"].nunique()
    print(f"Tag experiments on data {title}: {len(X)} likes of {n_items} items, {n_untagged} of them untagged")
    print(f"Warm: {len(warm[1])} likes of {warm[1]['user'].nunique()} users held out")
    print(f"Cold: {n_cold} items held out whole and ranked among themselves; by chance {COLD} is {20 / n_cold:.4f}")
    if n_untagged:
        print("Untagged items share one feature where tags are alone: nothing else would represent them")
    for name, model in base_models(arguments).items():
        show(name, run(model, warm, cold, features, filled))
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
