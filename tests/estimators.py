"""The recommenders that tests are parametrized with. A new recommender joins these lists."""

from __future__ import annotations

from sklearn_recsketch import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)

PAIRWISE = [WARPRecommender, BPRRecommender]
WITH_FACTORS = [WRMFRecommender, *PAIRWISE]
ONE_PER_TRAINER = [WRMFRecommender, WARPRecommender]  # for slow tests: BPR and WARP share a trainer
WITH_ITEM_WEIGHTS = [EASERecommender, ItemKNNRecommender]
RECOMMENDERS = [*WITH_FACTORS, *WITH_ITEM_WEIGHTS, PopularityRecommender]
ENGINES = [
    (WRMFRecommender, "implicit"),
    (BPRRecommender, "implicit"),
    (BPRRecommender, "lightfm"),
    (WARPRecommender, "lightfm"),
]


def small(recommenders=WITH_FACTORS, n_components=4, *, max_iter=2, **params):
    """Return an unfitted instance of each class, quick to fit; parameters that a class does not have are left out."""
    params |= {"n_components": n_components, "max_iter": max_iter, "random_state": 0}
    return [cls(**{name: params[name] for name in params.keys() & cls().get_params()}) for cls in recommenders]
