"""Ranking scorers for scikit-learn's model selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch.metrics._evaluation import Evaluation, evaluate
from sklearn_recsketch.metrics._evaluation_task import Options
from sklearn_recsketch.metrics._metric_names import DEFAULT_METRIC, Metric, parse_metric
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
    """scikit-learn scorer for one ranking metric; y is optional."""

    def __init__(self, metric: Metric, options: Options) -> None:
        super().__init__(evaluate, 1, {})
        self.metric, self._options = metric, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], float]:
        """Return a function that scores an estimator on fixed rows, which are read only once."""
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
    """Scorer for several ranking metrics, which returns a dict of scores computed from a single ranking."""

    def __init__(self, metrics: list[Metric], options: Options) -> None:
        self.metrics, self._options = metrics, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], dict[str, float]]:
        """Return a function that scores an estimator on fixed rows, which are read only once."""
        return Evaluation(X, y, self.metrics, self._options)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> dict[str, float]:
        """Return the scores of an estimator on X, by metric."""
        return self.on_rows(X, y)(estimator)

    def __repr__(self) -> str:
        return f"make_ranking_scorer({[str(metric) for metric in self.metrics]})"


def make_ranking_scorer(
    metrics: str | list[str] = DEFAULT_METRIC,
    *,
    exclude_seen: bool = True,
    candidates: Any = None,
    n_users: int | None = None,
    fold_in: float | None = None,
    random_state: Any = 0,
) -> Any:
    """Make a scorer from ranking metrics, for the `scoring` parameter of scikit-learn's model selection.

    Parameters
    ----------
    metrics : str or list of str, default="precision@5"
        Names of metrics. Metrics with a cutoff k are "precision@k", "recall@k", "capped_precision@k", "ndcg@k",
        "average_precision@k" (MAP), "reciprocal_rank@k" (MRR) and "hit_rate@k", for example "ndcg@10". Metrics of the
        whole ranking are "auc" and "neg_preference_mse", the negative mean squared error of predicted preferences. The
        latter requires scores that are preferences between 0 and 1, unlike those of WARP, BPR and popularity.
    exclude_seen : bool, default=True
        Exclude pairs seen in fit from the rankings.
    candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
        Items to rank. A list applies to all users. A table, whose first two columns are user and item, or a dict gives
        each user their own candidates; users who are missing from it have none. "cold" selects the known items without
        interactions in fit, which are represented by their features; see
        :class:`~sklearn_recsketch.model_selection.ColdItemSplit`. None selects all known items. Unknown items are not
        ranked. Relevance does not depend on the candidates: a relevant item that is not ranked counts as missed.
    n_users : int, default=None
        Number of randomly sampled users to evaluate. A smaller number is faster and increases the standard error,
        which :func:`~sklearn_recsketch.metrics.ranking_report` computes. None evaluates all users.
    fold_in : float, default=None
        Fraction of the items of each user unknown to fit that the recommender gets as the user's history (fold-in).
        Their other items, at least one, are relevant. The items of the history are never ranked, whatever
        `exclude_seen` is. This is known as strong generalization; see
        :class:`~sklearn_recsketch.model_selection.ColdUserSplit`. If None, unknown users have no history.
    random_state : int or RandomState instance, default=0
        Determines the sampled users of `n_users` and the histories of `fold_in`. With an int, every call on the same
        rows samples the same users and histories.

    Returns
    -------
    scorer : callable
        For a string, a scikit-learn scorer ``scorer(estimator, X, y=None) -> float``. For a list, a callable that
        returns a dict of scores, for searches with several metrics, whose `refit` must name one of them. Estimators
        may be recommenders, or pipelines and searches that end in one.

    See Also
    --------
    ranking_report : All metrics of a recommender, with standard errors.

    Notes
    -----
    Scores are means over the users with at least one relevant row. Rows with ``y > 0`` are relevant, or all rows if y
    is None; a weight column does not matter. Rows whose pair was in fit are ignored, unless there are no other rows
    whose user and item are both known, in which case the score is a training score. The user guide defines the
    metrics.

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
    """Return whether a scorer was made by `make_ranking_scorer`, so that it can read rows once and score them often."""
    return isinstance(scorer, RankingScorer | MultiRankingScorer)


def on_rows(scorer: Any, X: Any, y: Any) -> Callable[[Any], Any]:
    """Return a function that scores an estimator on fixed rows; ranking scorers read the rows only once."""
    return scorer.on_rows(X, y) if is_ranking_scorer(scorer) else lambda estimator: scorer(estimator, X, y)


def check_ranking_scorer(scoring: Any) -> Callable[[Any, Any, Any], float]:
    """Return the scorer of a `scoring` parameter, which is the name of a metric or a callable with a single score."""
    if isinstance(scoring, MultiRankingScorer):
        raise ValueError(
            f"scoring must be one metric, got {scoring}. Early stopping compares epochs by a single score."
        )
    if callable(scoring):
        return scoring
    return make_ranking_scorer(scoring)
