"""Ranking scorers for model selection with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch.metrics._evaluation import Evaluation, evaluate
from sklearn_recsketch.metrics._evaluation_task import Options
from sklearn_recsketch.metrics._metric_names import DEFAULT_METRIC, Metric, parse_metric
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import _BaseScorer

__all__ = [
    "MultiRankingScorer",
    "RankingScorer",
    "check_ranking_scorer",
    "is_ranking_scorer",
    "make_ranking_scorer",
    "on_rows",
]


class RankingScorer(_BaseScorer):
    """Scikit-learn scorer for a single ranking metric.

    The argument `y_true` is optional.
    """

    def __init__(self, metric: Metric, options: Options) -> None:
        super().__init__(evaluate, 1, {})
        self.metric, self._options = metric, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], float]:
        """Return a function that scores estimators on the given rows. The rows are read only once."""
        evaluation = Evaluation(X, y, [self.metric], self._options)
        return lambda estimator: evaluation(estimator)[str(self.metric)]

    def __call__(self, estimator: Any, X: Any, y_true: Any = None) -> float:
        """Return the score of an estimator on X."""
        return self.on_rows(X, y_true)(estimator)

    def _score(self, method_caller: Any, estimator: Any, X: Any, y_true: Any = None) -> float:
        return self(estimator, X, y_true)

    def __repr__(self) -> str:
        return f"make_ranking_scorer({str(self.metric)!r})"


class MultiRankingScorer:
    """Scorer for several ranking metrics.

    The scorer returns a dict of scores, which are all computed from a single ranking.
    """

    def __init__(self, metrics: list[Metric], options: Options) -> None:
        self.metrics, self._options = metrics, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], dict[str, float]]:
        """Return a function that scores estimators on the given rows. The rows are read only once."""
        return Evaluation(X, y, self.metrics, self._options)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> dict[str, float]:
        """Return a dict that maps metric names to an estimator's scores on X."""
        return self.on_rows(X, y)(estimator)

    def __repr__(self) -> str:
        return f"make_ranking_scorer({[str(metric) for metric in self.metrics]})"


@overload
def make_ranking_scorer(
    metrics: str = DEFAULT_METRIC,
    *,
    exclude_seen: bool = True,
    candidates: Any = None,
    n_users: int | None = None,
    fold_in: float | None = None,
    random_state: RandomState = 0,
) -> RankingScorer: ...
@overload
def make_ranking_scorer(
    metrics: list[str],
    *,
    exclude_seen: bool = True,
    candidates: Any = None,
    n_users: int | None = None,
    fold_in: float | None = None,
    random_state: RandomState = 0,
) -> MultiRankingScorer: ...
def make_ranking_scorer(
    metrics: str | list[str] = DEFAULT_METRIC,
    *,
    exclude_seen: bool = True,
    candidates: Any = None,
    n_users: int | None = None,
    fold_in: float | None = None,
    random_state: RandomState = 0,
) -> RankingScorer | MultiRankingScorer:
    """Make a scorer from one or more ranking metrics.

    The scorer can be passed as `scoring` to the model selection tools of scikit-learn.

    Parameters
    ----------
    metrics : str or list of str, default="precision@5"
        Metric names. The metrics with a cutoff k are "precision@k", "recall@k", "capped_precision@k", "ndcg@k",
        "average_precision@k" (MAP), "reciprocal_rank@k" (MRR) and "hit_rate@k". For example, the cutoff of "ndcg@10" is
        k=10. The metrics of the whole ranking are "auc" and "neg_preference_mse". The metric "neg_preference_mse" is
        the negative mean squared error of the predicted preferences. It requires scores that are preferences between 0
        and 1, so it cannot be used with WARP, BPR or popularity.
    exclude_seen : bool, default=True
        Whether to exclude pairs seen in fit from the rankings.
    candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
        Items to rank. A list applies to all users. A dict or a table specifies separate candidates for each user; users
        who are missing from it have no candidates. The first two columns of a table must be the user and the item. If
        "cold", the candidates are the known items without interactions in fit, which are represented by their features;
        see :class:`~sklearn_recsketch.model_selection.ColdItemSplit`. If None, the candidates are all known items.
        Unknown items are not ranked. Relevance does not depend on the candidates: a relevant item that is not ranked
        counts as a miss.
    n_users : int, default=None
        Number of users to evaluate, which are sampled randomly. Evaluating fewer users is faster, but increases the
        standard error, which :func:`~sklearn_recsketch.metrics.ranking_report` computes. If None, all users are
        evaluated.
    fold_in : float, default=None
        Fraction of each new user's items that are passed to the recommender as the user's history (fold-in). New users
        are users who were not seen in fit. The remaining items are relevant; at least one item remains for each user.
        Items in the history are never ranked, even if `exclude_seen` is False. This kind of evaluation is known as
        strong generalization; see :class:`~sklearn_recsketch.model_selection.ColdUserSplit`. If None, new users have no
        history.
    random_state : int or RandomState instance, default=0
        Controls the sampling of users for `n_users` and of histories for `fold_in`. If an int, every call on the same
        rows samples the same users and histories.

    Returns
    -------
    scorer : callable
        If `metrics` is a string, a scikit-learn scorer ``scorer(estimator, X, y=None) -> float``. If `metrics` is a
        list, a callable that returns a dict of scores. Such a callable can be passed to a search with several metrics;
        the parameter `refit` of the search must then be the name of one metric. The estimator may be a recommender, or
        a pipeline or search that ends in a recommender.

    See Also
    --------
    ranking_report : Report ranking metrics at several cutoffs with their standard errors.

    Notes
    -----
    A score is the mean of a metric over all users with at least one relevant row. Rows with ``y > 0`` are relevant. If
    y is None, all rows are relevant. A weight column does not affect relevance. Rows whose user-item pair was seen in
    fit are normally ignored. However, if no other row has both a known user and a known item, only the seen rows are
    evaluated, and the score is a training score. The metrics are defined in the user guide.

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
    options = Options(exclude_seen, read_item_selection(candidates, "candidates"), n_users, fold_in, random_state)
    if isinstance(metrics, str):
        return RankingScorer(parse_metric(metrics), options)
    parsed = [parse_metric(metric) for metric in metrics]
    if not parsed:
        raise ValueError("metrics is empty: name at least one metric, for example ['precision@5', 'ndcg@10'].")
    return MultiRankingScorer(parsed, options)


def is_ranking_scorer(scorer: Any) -> bool:
    """Return whether a scorer was made by `make_ranking_scorer`.

    Such a scorer can score several estimators on the same rows without reading the rows again.
    """
    return isinstance(scorer, RankingScorer | MultiRankingScorer)


def on_rows(scorer: Any, X: Any, y: Any) -> Callable[[Any], Any]:
    """Return a function that scores estimators on the given rows.

    Ranking scorers read the rows only once, even if several estimators are scored.
    """
    return scorer.on_rows(X, y) if is_ranking_scorer(scorer) else lambda estimator: scorer(estimator, X, y)


def check_ranking_scorer(scoring: Any) -> Callable[[Any, Any, Any], float]:
    """Convert the `scoring` parameter to a scorer.

    The parameter must be a metric name or a callable that returns a single score.
    """
    if isinstance(scoring, MultiRankingScorer):
        raise ValueError(
            f"scoring must be one metric, got {scoring}. Early stopping compares epochs by a single score."
        )
    if callable(scoring):
        return scoring
    return make_ranking_scorer(scoring)
