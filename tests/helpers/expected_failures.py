"""Checks of estimators that are expected to fail, with reasons, and the estimators that are checked."""

from __future__ import annotations

from importlib.util import find_spec

from estimators import ENGINES, RECOMMENDERS, small
from own_recommender import NearestItemRecommender

from sklearn_recsketch import BPRRecommender, InteractionThresholder, PopularityRecommender

__all__ = [
    "checked_by_sklearn",
    "checked_recommenders",
    "engine_is_missing",
    "recommender_failures",
    "sklearn_failures",
]

COLUMNS = "X of a recommender has the columns user, item and optionally weight, but the check passes {} columns"
FAILURES = {
    "check_n_features_in_after_fitting": COLUMNS.format("four"),
    "check_positive_only_tag_during_fit": COLUMNS.format("four"),
    "check_estimators_dtypes": COLUMNS.format("five"),
    "check_dtype_object": COLUMNS.format("ten"),
}
# The weight column is read by position, so X may have it in fit and not in transform, or vice versa.
OPTIONAL = "transform accepts two or three columns, independent of fit: the weight column is optional in each call"
THRESHOLDER_FAILURES = FAILURES | {
    "check_transformer_general": OPTIONAL,
    "check_transformer_preserve_dtypes": "transform always returns a frame of ids and weights, "
    "because an array of a single dtype would convert ids to floats",
}
NO_STRENGTHS = "implicit's BPR gives all interactions the same weight, so strengths that differ raise an error"


def sklearn_failures(estimator):
    """Checks of scikit-learn that an estimator of this package is expected to fail."""
    return THRESHOLDER_FAILURES if isinstance(estimator, InteractionThresholder) else FAILURES


def recommender_failures(estimator):
    """Checks of check_recommender that a recommender of this package is expected to fail."""
    if isinstance(estimator, BPRRecommender) and estimator.engine == "implicit":
        names = ("repeated_rows", "unit_of_strengths", "containers_of_strengths", "weight_column")
        return {f"check_{name}": NO_STRENGTHS for name in names}
    if isinstance(estimator, PopularityRecommender):
        return {"check_effect_of_history": "all users get the most popular items, whatever their history"}
    return {}


def checked_by_sklearn():
    """Return the estimators on which checks of scikit-learn run, each quick to fit."""
    return [*small(RECOMMENDERS, max_iter=3), InteractionThresholder(1, 1), NearestItemRecommender()]


def checked_recommenders():
    """Return the recommenders on which check_recommender runs, one for each engine, each quick to fit."""
    engines = [cls(4, max_iter=3, engine=engine) for cls, engine in ENGINES]
    return [*small(RECOMMENDERS, max_iter=3), *engines, NearestItemRecommender()]


def engine_is_missing(estimator):
    """Return whether a recommender has an engine that is not installed."""
    engine = getattr(estimator, "engine", "native")
    return engine != "native" and find_spec(engine) is None
