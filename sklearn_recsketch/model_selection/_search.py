"""What our searches share: scorers by name, an honest default split, ids encoded once, recommendations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.metrics._question import unwrap
from sklearn_recsketch.metrics._scorer import MultiRankingScorer, make_ranking_scorer
from sklearn_recsketch.model_selection._split import UserHoldoutSplit
from sklearn_recsketch.utils._compat import _MultimetricScorer, _num_samples
from sklearn_recsketch.utils._frames import columns_of
from sklearn_recsketch.utils._ids import encode_ids

__all__ = ["RecommenderSearchMixin", "with_coded_ids"]


class RecommenderSearchMixin:
    """Mixin of searches over recommenders, to be put in front of a scikit-learn search."""

    scoring: Any
    refit: Any
    cv: Any
    error_score: Any
    best_estimator_: Any

    def recommend(self, users: Any = None, k: int = 10, **options: Any) -> Any:
        """Recommendations of the refitted best recommender; see its `recommend`."""
        return self._best_recommender().recommend(users, k, **options)

    def similar_items(self, items: Any, k: int = 10) -> Any:
        """Similar items by the refitted best recommender; see its `similar_items`."""
        return self._best_recommender().similar_items(items, k)

    def similar_users(self, users: Any, k: int = 10) -> Any:
        """Similar users by the refitted best recommender; see its `similar_users`."""
        return self._best_recommender().similar_users(users, k)

    def _best_recommender(self) -> Any:
        check_is_fitted(self)
        if not self.refit:
            raise AttributeError(
                f"This {type(self).__name__} was fitted with refit=False, so there is no model to recommend with. "
                f"Set refit=True, or fit an estimator with best_params_."
            )
        return unwrap(self, None)[0]

    def _get_scorers(self) -> tuple[Any, str]:
        """The scorer and the name of the score to refit by; in scikit-learn's place."""
        scoring = "precision@5" if self.scoring is None else self.scoring
        if isinstance(scoring, str):
            scoring = make_ranking_scorer(scoring)
        if isinstance(scoring, MultiRankingScorer):
            self._check_refit_for_multimetric([str(metric) for metric in scoring.metrics])  # type: ignore[attr-defined]
            return scoring, self.refit
        if callable(scoring):  # of one metric or of several, which shows when it is called
            return scoring, self.refit if isinstance(self.refit, str) else "score"
        if not isinstance(scoring, dict):
            scoring = {name: name for name in scoring}
        scorers = {
            name: make_ranking_scorer(scorer) if isinstance(scorer, str) else scorer for name, scorer in scoring.items()
        }
        self._check_refit_for_multimetric(scorers)  # type: ignore[attr-defined]
        return _MultimetricScorer(scorers=scorers, raise_exc=self.error_score == "raise"), self.refit

    def _splitter(self) -> Any:
        """The cross-validator: users keep items to learn from unless the caller asks for something else."""
        return UserHoldoutSplit(random_state=0) if self.cv is None else self.cv

    @staticmethod
    def _refuse_sliced_validation(X: Any, parameters: dict[str, Any]) -> None:
        """scikit-learn slices every fit parameter as long as X; validation rows would be cut by the folds of X."""
        for name, value in parameters.items():
            if name.split("__")[-1] == "X_val" and value is not None and _num_samples(value) == _num_samples(X):
                raise ValueError(
                    f"{name} has as many rows as X, {_num_samples(X)}, and scikit-learn slices fit parameters of that "
                    f"length with the folds of X. Drop a row of {name}, or repeat one."
                )


def with_coded_ids(X: Any) -> Any:
    """X with its id columns as categories, so that ids are hashed once and not in every fit.

    Fits learn the same from it: categories that do not occur in the rows of a fold are not known to
    the model. Tables that are no table of interactions (a pipeline may begin by making one) are
    left as they are, and so are integers, which are quick to hash and to send to a process.
    """
    if getattr(X, "ndim", 2) != 2 or not hasattr(X, "shape") or X.shape[1] not in (2, 3):
        return X
    columns, names = columns_of(X)
    if all(getattr(column.dtype, "kind", "O") in "iu" for column in columns[:2]):
        return X
    named = dict(zip(names or ["user", "item", "weight"], columns, strict=False))
    if len(named) != len(columns):
        return X
    for name, column in list(named.items())[:2]:
        ids = encode_ids(column, name)
        named[name] = pd.Categorical.from_codes(ids.codes, categories=pd.Index(ids.ids))
    return pd.DataFrame({name: np.asarray(c) if not isinstance(c, pd.Categorical) else c for name, c in named.items()})
