"""Checks that a recommender keeps the promises of this package."""

from sklearn_recsketch.utils.estimator_checks._run_checks import (
    check_recommender,
    parametrize_with_recommender_checks,
)

__all__ = ["check_recommender", "parametrize_with_recommender_checks"]
