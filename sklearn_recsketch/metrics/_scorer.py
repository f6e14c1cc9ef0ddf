"""Scorers of rankings for scikit-learn's model selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn_recsketch.metrics._evaluation import evaluate
from sklearn_recsketch.metrics._hits import METRICS
from sklearn_recsketch.utils._compat import _BaseScorer

__all__ = ["check_ranking_scorer", "make_ranking_scorer"]


def parse_metric(text: Any) -> tuple[str, int]:
    """("precision", 5) of "precision@5"."""
    name, _, k = str(text).partition("@")
    if not isinstance(text, str) or name not in METRICS or not k.isdecimal() or int(k) < 1:
        raise ValueError(
            f"A metric must be a name and a cutoff like 'precision@5', with one of the names {sorted(METRICS)}, "
            f"got {text!r}."
        )
    return name, int(k)


class _RankingScorer(_BaseScorer):
    """A scikit-learn scorer of one metric; y is optional."""

    def __init__(self, metric: str, exclude_seen: bool, candidates: Any) -> None:
        super().__init__(evaluate, 1, {})
        self._metric = metric
        self._options = {"exclude_seen": exclude_seen, "candidates": candidates}

    def __call__(self, estimator: Any, X: Any, y_true: Any = None, **kwargs: Any) -> float:
        """Score of `estimator` on X."""
        return self._score(None, estimator, X, y_true, **kwargs)

    def _score(self, method_caller: Any, estimator: Any, X: Any, y_true: Any = None, **kwargs: Any) -> float:
        scores = evaluate(estimator, X, y_true, [parse_metric(self._metric)], **self._options, **kwargs)
        return next(iter(scores.values()))

    def __repr__(self) -> str:
        return f"make_ranking_scorer({self._metric!r})"


class _MultiRankingScorer:
    """A callable that returns a dict of scores from one ranking."""

    def __init__(self, metrics: list[str], exclude_seen: bool, candidates: Any) -> None:
        self._metrics = metrics
        self._options = {"exclude_seen": exclude_seen, "candidates": candidates}

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> dict[str, float]:
        return evaluate(estimator, X, y, [parse_metric(metric) for metric in self._metrics], **self._options)

    def __repr__(self) -> str:
        return f"make_ranking_scorer({self._metrics!r})"


def make_ranking_scorer(
    metrics: str | list[str] = "precision@5", *, exclude_seen: bool = True, candidates: Any = None
) -> Any:
    """A scorer of rankings for `scoring=` of scikit-learn's searches.

    Parameters
    ----------
    metrics : str or list of str, default="precision@5"
        Name and cutoff: one of "precision", "recall", "capped_precision", "ndcg",
        "average_precision", "reciprocal_rank", "hit_rate", then "@" and k.
    exclude_seen : bool, default=True
        Leave pairs seen in fit out of rankings. False ranks them too.
    candidates : array-like of ids or "cold", default=None
        Items to rank; None is all known items. "cold" is those the recommender knows, by their
        features, but has no interactions with: see
        :class:`~sklearn_recsketch.model_selection.ColdItemSplit`. Relevance does not depend on it:
        a relevant item that is not ranked counts as missed.

    Returns
    -------
    scorer : callable
        For a string a scikit-learn scorer ``scorer(estimator, X, y=None) -> float``; for a list a
        callable that returns a dict of scores, for searches with several metrics (their `refit`
        must name one). Estimators may be recommenders, or pipelines and searches that end in one.

    Notes
    -----
    Evaluated users are those with at least one relevant row, one with ``y > 0`` (None: every row),
    whatever a weight column says. Rows whose pair was in fit are not counted, unless there are no
    others the model could know: then it is the training score. See the user guide for definitions.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_recsketch import PopularityRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.metrics import make_ranking_scorer
    >>> from sklearn_recsketch.model_selection import UserHoldoutSplit
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> scores = cross_val_score(PopularityRecommender(), X, y, cv=UserHoldoutSplit(random_state=0),
    ...                          scoring=make_ranking_scorer("ndcg@10"))
    >>> bool(0 < scores[0] < 1)
    True
    """
    _check_candidates(candidates)
    if isinstance(metrics, str):
        parse_metric(metrics)
        return _RankingScorer(metrics, exclude_seen, candidates)
    names = list(metrics)
    if not names:
        raise ValueError("metrics is empty: name at least one, for example ['precision@5', 'ndcg@10'].")
    for name in names:
        parse_metric(name)
    return _MultiRankingScorer(names, exclude_seen, candidates)


def _check_candidates(candidates: Any) -> None:
    if isinstance(candidates, str) and candidates != "cold":
        raise ValueError(
            f"candidates must be an array of item ids, None or 'cold', got {candidates!r}. "
            f"To rank a single item, write candidates=[{candidates!r}]."
        )


def check_ranking_scorer(scoring: Any) -> Callable[[Any, Any, Any], float]:
    """A scorer from what the `scoring` parameter of an estimator may be: a metric's name or a callable."""
    if isinstance(scoring, _MultiRankingScorer):
        raise ValueError(f"scoring must be one metric, got {scoring}: early stopping needs to know which is better.")
    if callable(scoring):
        return scoring
    return make_ranking_scorer(scoring)
