"""Fingerprints of 48 fitted models, to verify that a change of the code does not change any model.

    python benchmarks/fingerprints.py > before.txt;  ...;  python benchmarks/fingerprints.py | diff before.txt -

The models are WRMF, WARP and BPR, with and without features of users and items, with all installed engines, with one
thread and, if results do not depend on the number of threads, with two. Only compare runs on the same machine, because
BLAS and LAPACK differ between processors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_recsketch import (
    BPRRecommender,
    PopularityRecommender,
    SideFeatureEncoder,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.datasets import make_interactions

SIDES = {"plain": (), "items": ("item",), "users": ("user",), "both": ("user", "item")}
WRMF_VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "cholesky": {"solver": "cholesky"},
    "numbers": {"alpha": 10.0, "regularization": 5.0, "regularization_scaling": 1.0},
    "log": {"confidence": "log", "alpha": 2.0},
}
PAIRWISE_VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "weaker": {"negatives": "weaker"},
    "last epoch": {"average": False, "max_iter": 5},
}


def cases() -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield the name, the estimator, and the sides with features of each model."""
    for side, names in SIDES.items():
        for variant, parameters in WRMF_VARIANTS.items():
            model = WRMFRecommender(n_components=16, max_iter=6, random_state=0, **parameters)
            for n_jobs in (1, 2) if variant == "defaults" else (1,):
                yield f"WRMF {variant}, {side}, n_jobs={n_jobs}", clone(model).set_params(n_jobs=n_jobs), names
        for recommender in (WARPRecommender, BPRRecommender):
            for variant, parameters in PAIRWISE_VARIANTS.items():
                model = recommender(**{"n_components": 16, "max_iter": 8, "random_state": 0, "n_jobs": 1} | parameters)
                yield f"{recommender.__name__[:-11]} {variant}, {side}", model, names
    yield "WRMF early stopping", WRMFRecommender(16, early_stopping=True, random_state=0), ()
    yield (
        "WARP features alone",
        WARPRecommender(16, item_encoder=SideFeatureEncoder(identity=False), random_state=0, n_jobs=1),
        ("item",),
    )
    yield "popularity", PopularityRecommender(), ()
    for name, model in {"WRMF": WRMFRecommender(16, max_iter=6), "BPR": BPRRecommender(16, max_iter=8)}.items():
        yield f"{name} implicit", model.set_params(engine="implicit", random_state=0, n_jobs=1), ()
    for model in (WARPRecommender(16, max_iter=8), BPRRecommender(16, max_iter=8)):
        for side in ("plain", "items"):
            trained = clone(model).set_params(engine="lightfm", random_state=0, n_jobs=1)
            yield f"{type(model).__name__[:-11]} lightfm, {side}", trained, SIDES[side]


def fingerprint(model: Any) -> str:
    """Hash of the numeric fitted arrays, the scores and the lists of a model."""
    digest = hashlib.sha256()
    for name, value in sorted(vars(model).items()):
        if name.endswith("_") and isinstance(value, np.ndarray) and value.dtype.kind in "fi":
            digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    listed = model.recommend(np.arange(50), k=10)
    digest.update(listed["item"].to_numpy().tobytes() + listed["score"].to_numpy().tobytes())
    return digest.hexdigest()[:16]


def main() -> None:
    X, y, item_features = make_interactions(400, 200, n_tags=30, counts=True, return_features=True, random_state=0)
    _, _, user_features = make_interactions(2, 400, n_tags=12, return_features=True, random_state=1)
    features = {"item_features": item_features, "user_features": user_features}
    for name, model, sides in cases():
        try:
            strengths = None if name == "BPR implicit" else y  # it does not support strengths
            model.fit(X, strengths, **{f"{side}_features": features[f"{side}_features"] for side in sides})
        except ImportError as error:
            print(f"{name}: skipped, {error}")
            continue
        print(f"{name}: {fingerprint(model)}", flush=True)
        if name.endswith(("defaults, both", "defaults, plain", "defaults, both, n_jobs=1")):
            print(f"{name}, then partial_fit: {fingerprint(model.partial_fit(X[:500], y[:500]))}")
            history = X[X["user"] < 5].drop_duplicates("item").assign(user=-1)
            digest = hashlib.sha256(model.recommend(history=history, k=10)["score"].to_numpy().tobytes())
            print(f"{name}, fold-in: {digest.hexdigest()[:16]}")


if __name__ == "__main__":
    main()
