"""Scorers of rankings for scikit-learn's model selection."""

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
    """A scikit-learn scorer of one metric; y is optional."""

    def __init__(self, metric: Metric, options: Options) -> None:
        super().__init__(evaluate, 1, {})
        self.metric, self._options = metric, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], float]:
        """The scorer on fixed rows, which are read once."""
        evaluation = Evaluation(X, y, [self.metric], self._options)
        return lambda estimator: evaluation(estimator)[str(self.metric)]

    def __call__(self, estimator: Any, X: Any, y_true: Any = None) -> float:
        """Score of `estimator` on X."""
        return self.on_rows(X, y_true)(estimator)

    def _score(self, method_caller: Any, estimator: Any, X: Any, y_true: Any = None) -> float:
        return self(estimator, X, y_true)

    def __repr__(self) -> str:
        return f"make_ranking_scorer({str(self.metric)!r})"


class MultiRankingScorer:
    """A callable that returns a dict of scores from one ranking."""

    def __init__(self, metrics: list[Metric], options: Options) -> None:
        self.metrics, self._options = metrics, options

    def on_rows(self, X: Any, y: Any = None) -> Callable[[Any], dict[str, float]]:
        """The scorer on fixed rows, which are read once."""
        return Evaluation(X, y, self.metrics, self._options)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> dict[str, float]:
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
    """A scorer of rankings for `scoring=` of scikit-learn's searches.

    Parameters
    ----------
    metrics : str or list of str, default="precision@5"
        Name and cutoff: one of "precision", "recall", "capped_precision", "ndcg",
        "average_precision", "reciprocal_rank", "hit_rate", then "@" and k. Or a metric of the whole
        ranking, by its name alone: "auc", or "neg_preference_mse", which says nothing of scores that
        are no preferences between 0 and 1, as those of WARP, BPR and popularity.
    exclude_seen : bool, default=True
        Leave pairs seen in fit out of rankings. False ranks them too.
    candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
        Items to rank; None is all known items. A list is for everybody; a table, whose first two
        columns are user and item, or a dict gives each user her own, and none to a user who is not
        in it. "cold" is those the recommender knows, by their features, but has no interactions
        with: see :class:`~sklearn_recsketch.model_selection.ColdItemSplit`. Unknown items are not
        ranked. Relevance does not depend on it: a relevant item that is not ranked counts as missed.
    n_users : int, default=None
        Score that many random users; None is all of them. The standard error grows as one over its
        square root: :func:`~sklearn_recsketch.metrics.ranking_report` gives it.
    fold_in : float, default=None
        Strong generalisation: of users unknown to fit, this share of the items is handed over as
        their history, which the recommender folds in, and the others are relevant. At least one
        is, and one of a single item is not handed over. What is handed over is not ranked, whatever
        `exclude_seen` says. None hands over nothing. See
        :class:`~sklearn_recsketch.model_selection.ColdUserSplit`.
    random_state : int or RandomState instance, default=0
        Draws the users of `n_users` and the histories of `fold_in`; an int draws the same ones at
        every call on the same rows.

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
    options = Options(exclude_seen, read_item_selection(candidates, "candidates"), n_users, fold_in, random_state)
    if isinstance(metrics, str):
        return RankingScorer(parse_metric(metrics), options)
    parsed = [parse_metric(metric) for metric in metrics]
    if not parsed:
        raise ValueError("metrics is empty: name at least one, for example ['precision@5', 'ndcg@10'].")
    return MultiRankingScorer(parsed, options)


def is_ranking_scorer(scorer: Any) -> bool:
    """Whether a scorer is one of ours, which can read rows once and score them many times."""
    return isinstance(scorer, RankingScorer | MultiRankingScorer)


def on_rows(scorer: Any, X: Any, y: Any) -> Callable[[Any], Any]:
    """A scorer of any kind, on fixed rows; ours read them once."""
    return scorer.on_rows(X, y) if is_ranking_scorer(scorer) else lambda estimator: scorer(estimator, X, y)


def check_ranking_scorer(scoring: Any) -> Callable[[Any, Any, Any], float]:
    """A scorer from what the `scoring` parameter of an estimator may be: a metric's name or a callable."""
    if isinstance(scoring, MultiRankingScorer):
        raise ValueError(f"scoring must be one metric, got {scoring}: early stopping needs to know which is better.")
    if callable(scoring):
        return scoring
    return make_ranking_scorer(scoring)
