"""Find the recommender inside a search or a Pipeline."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

__all__ = ["factor_recommender", "final_step", "unwrap"]


def final_step(estimator: Any) -> Any:
    """Return the last step of a Pipeline, or the estimator itself if it is not a Pipeline."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def unwrap(estimator: Any, X: Any = None) -> tuple[Any, Any]:
    """Return the fitted recommender inside searches and Pipelines, and `X` as transformed by the Pipelines.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender, or a fitted search or Pipeline that contains a recommender as its last step. Searches and
        Pipelines can be nested.
    X : table or None
        Table to transform by all but the last step of each Pipeline.

    Returns
    -------
    recommender : estimator
        The fitted recommender.
    X : table or None
        The transformed table, or None if `X` is None.
    """
    while hasattr(estimator, "best_estimator_") or hasattr(estimator, "steps"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
            continue
        if len(estimator.steps) > 1 and X is not None:
            X = estimator[:-1].transform(X)
        estimator = final_step(estimator)
    if not hasattr(estimator, "recommend"):
        refit = " fitted with refit=False: pass refit=True" if hasattr(estimator, "cv_results_") else ""
        raise TypeError(
            f"Expected a fitted recommender, or a search or Pipeline that ends in one, "
            f"got {type(estimator).__name__}{refit}."
        )
    check_is_fitted(estimator)
    return estimator, X


def factor_recommender(estimator: Any) -> Any:
    """Return the fitted recommender inside searches and Pipelines. Raise a TypeError if it has no embeddings."""
    check_is_fitted(estimator)
    recommender, _ = unwrap(estimator)
    if not hasattr(recommender, "item_factors_"):
        raise TypeError(
            f"{type(recommender).__name__} has no embeddings. Use a recommender that learns them, such as "
            f"WRMFRecommender."
        )
    return recommender
