"""Callback that records training and validation scores during fitting."""

from __future__ import annotations

from threading import Lock
from typing import Any

import pandas as pd
from sklearn.callback import ScoringMonitor

from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.metrics._scorer import make_ranking_scorer, on_rows
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["EpochCurveMonitor"]

_OPENING = Lock()  # several threads may open the log of the same copy


class EpochCurveMonitor:
    """Callback that records training and validation scores after each epoch.

    Register the monitor with ``rec.set_callbacks(monitor)``, or with
    ``pipe["rec"].set_callbacks(monitor)`` if the recommender is a step of a Pipeline. After `fit`,
    call `curves` to get the scores. Unlike this monitor, scikit-learn's
    :class:`~sklearn.callback.ScoringMonitor` scores only the training rows.

    Parameters
    ----------
    scoring : str, list of str or callable
        Metric names such as "precision@5", or a scorer created by
        :func:`~sklearn_recsketch.metrics.make_ranking_scorer`. If a list is passed, all its metrics
        are computed from the same ranking.
    X_val : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Validation rows, in the format that the recommender accepts. The steps of a Pipeline do not
        transform them.
    y_val : array-like of shape (n_rows,), default=None
        Strengths of the validation rows.
    every : int, default=1
        Number of epochs between two evaluations. Scores are computed after the epochs ``1``,
        ``1 + every``, ``1 + 2 * every`` and so on. Larger values save time, because computing the
        scores may take longer than training.

    See Also
    --------
    EpochSearchCV : Compute the same scores for many candidates on the held-out rows of each fold.

    Notes
    -----
    If fits run in other processes on the same machine, the original monitor also records their
    scores. All clones of an estimator share its monitor. The column `fit` identifies each fit of a
    search.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.model_selection import EpochCurveMonitor, UserHoldoutSplit
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> train, test = next(UserHoldoutSplit(random_state=0).split(X))
    >>> monitor = EpochCurveMonitor("precision@5", X.iloc[test])
    >>> rec = WRMFRecommender(8, max_iter=3, random_state=0).set_callbacks(monitor).fit(X.iloc[train])
    >>> monitor.curves().columns.tolist()
    ['fit', 'epoch', 'train_precision@5', 'validation_precision@5']
    """

    def __init__(self, scoring: Any, X_val: Any, y_val: Any = None, *, every: int = 1) -> None:
        check_interactions(X_val, y_val, name="X_val", weighted=False)
        self._scorer = scoring if callable(scoring) else make_ranking_scorer(scoring)
        # Only scorers of this package have a name.
        self._name = str(getattr(self._scorer, "metric", "score"))
        self._validation = (X_val, y_val)
        self._every = check_integer(every, "every")
        self._scores: dict[int, tuple[Any, Any]] = {}  # by the id of each estimator that is being fitted
        # ScoringMonitor sends the scores that copies in other processes record to this process.
        self._log: Any = ScoringMonitor(scoring=_return_scores)

    def curves(self, run: int = -1) -> pd.DataFrame:
        """Return the recorded scores of one run. A run is either a single fit or a search with all its fits.

        Parameters
        ----------
        run : int, default=-1
            Index of the run. Runs are sorted by start time. The index -1 selects the latest run.

        Returns
        -------
        DataFrame
            Table with one row per fit and scored epoch. The column `fit` is the index
            of the fit, in the order of the search. The column `epoch` starts at 1. For each metric, there are
            two columns of scores, ``train_<metric>`` and ``validation_<metric>``. If the scorer has
            no name, its metric is called "score".

        Raises
        ------
        ValueError
            If no epoch has been scored yet, or if no run has this index.
        """
        logs = self._open_log().get_logs(select="all")
        if not -len(logs) <= run < len(logs):
            raise ValueError(f"run must be the number of one of the {len(logs)} recorded runs, from 0, got {run!r}.")
        rows = logs[run].data
        fits = sorted({row["parent_task_id_path"] for row in rows})
        names = [name for name in rows[0] if name.startswith(("train_", "validation_"))]
        table = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
        table.insert(0, "fit", [fits.index(row["parent_task_id_path"]) for row in rows])
        table.insert(1, "epoch", [row["task_id"] + 1 for row in rows])
        return table.sort_values(["fit", "epoch"], ignore_index=True)

    def wants(self, epoch: int) -> bool:
        """Return True if scores are computed after this epoch."""
        return (epoch - 1) % self._every == 0

    def setup(self, estimator: Any, context: Any) -> None:
        """Prepare for a fit. This method is called by scikit-learn."""
        self._open_log().setup(estimator, context)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing. This method is called by scikit-learn before each task of a fit."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
    ) -> None:
        """Score the model if the task is an epoch. This method is called by scikit-learn after each task of a fit."""
        if context.task_name != "epoch" or not self.wants(context.task_id + 1):
            return
        if id(estimator) not in self._scores:
            self._scores[id(estimator)] = on_rows(self._scorer, X, y), on_rows(self._scorer, *self._validation)
        scores: dict[str, float] = {}
        for part, score in zip(("train", "validation"), self._scores[id(estimator)], strict=True):
            values = score(fitted_estimator)
            named = values if isinstance(values, dict) else {self._name: values}
            scores |= {f"{part}_{name}": float(value) for name, value in named.items()}
        self._open_log().on_fit_task_end(
            estimator, context, X=X, y=y, fitted_estimator=fitted_estimator, metadata={"scores": scores}
        )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Clean up after a fit, even if it failed. This method is called by scikit-learn."""
        self._scores.pop(id(estimator), None)
        self._open_log().teardown(estimator, context)

    def __getstate__(self) -> dict[str, Any]:
        log = self._log if isinstance(self._log, dict) else self._log.__getstate__()
        return {**self.__dict__, "_scores": {}, "_log": log}

    def _open_log(self) -> ScoringMonitor:
        """Return the log of scores. If the monitor is an unpickled copy, open its log first.

        An open log sends its scores to the process of the original monitor. Some processes, such as
        Dask's scheduler, only pass a copy on to other processes. These processes must not open the
        copy's log.
        """
        with _OPENING:
            if isinstance(self._log, dict):
                log = ScoringMonitor.__new__(ScoringMonitor)
                log.__setstate__(self._log)
                self._log = log
        return self._log


def _return_scores(estimator: Any, X: Any, y: Any, *, scores: dict[str, float]) -> dict[str, float]:
    return scores
