"""Training and validation curves of a fit, recorded as it goes."""

from __future__ import annotations

from threading import Lock
from typing import Any

import pandas as pd
from sklearn.callback import ScoringMonitor

from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.metrics._scorer import make_ranking_scorer, on_rows
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["EpochCurveMonitor"]

_OPENING = Lock()  # of copies that several threads begin to use


class EpochCurveMonitor:
    """Callback that scores training and validation rows after each epoch.

    Set it on the recommender, ``rec.set_callbacks(monitor)`` or ``pipe["rec"].set_callbacks(monitor)``,
    and read `curves` after fit. scikit-learn's :class:`~sklearn.callback.ScoringMonitor` scores
    training rows only.

    Parameters
    ----------
    scoring : str, list of str or callable
        Names such as "precision@5", or what
        :func:`~sklearn_recsketch.metrics.make_ranking_scorer` returns. Names in a list are computed
        from one ranking.
    X_val : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Validation rows, as the recommender takes them: no step of a Pipeline transforms them.
    y_val : array-like of shape (n_rows,), default=None
        Their strengths.
    every : int, default=1
        Score after epochs 1, 1 + every, 1 + 2 every and so on: scoring may take longer than training.

    See Also
    --------
    EpochSearchCV : The same curves for many candidates, on held-out rows of each fold.

    Notes
    -----
    Copies that work in other processes of the same machine report to the original. Clones of an
    estimator share its monitor: fits of a search are told apart by the column `fit`.

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
        # What a scorer of ours is called, or any other.
        self._name = str(getattr(self._scorer, "metric", "score"))
        self._validation = (X_val, y_val)
        self._every = check_integer(every, "every")
        self._scores: dict[int, tuple[Any, Any]] = {}  # of the fits in progress, by estimator
        # It brings what copies in other processes have seen to this one.
        self._log: Any = ScoringMonitor(scoring=_given_scores)

    def curves(self, run: int = -1) -> pd.DataFrame:
        """Scores of one run, which is a fit, or a search with all its fits.

        Parameters
        ----------
        run : int, default=-1
            Number of the run in the order of their starts; -1 is the latest.

        Returns
        -------
        DataFrame
            Columns `fit`, from 0 in the order of the search, `epoch`, from 1, then ``train_<metric>`` and
            ``validation_<metric>`` for each metric; "score" is the name of a scorer that has none.

        Raises
        ------
        ValueError
            Before the first epoch of a fit.
        """
        logs = self._open_log().get_logs(select="all")
        if not -len(logs) <= run < len(logs):
            raise ValueError(f"run must be the number of one of {len(logs)} recorded runs, from 0, got {run!r}.")
        rows = logs[run].data
        fits = sorted({row["parent_task_id_path"] for row in rows})
        names = [name for name in rows[0] if name.startswith(("train_", "validation_"))]
        table = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
        table.insert(0, "fit", [fits.index(row["parent_task_id_path"]) for row in rows])
        table.insert(1, "epoch", [row["task_id"] + 1 for row in rows])
        return table.sort_values(["fit", "epoch"], ignore_index=True)

    def wants(self, epoch: int) -> bool:
        """Whether it scores after so many epochs."""
        return (epoch - 1) % self._every == 0

    def setup(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn before a fit."""
        self._open_log().setup(estimator, context)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn before each task of a fit."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
    ) -> None:
        """Called by scikit-learn after each task of a fit."""
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
        """Called by scikit-learn after a fit, also after one that failed."""
        self._scores.pop(id(estimator), None)
        self._open_log().teardown(estimator, context)

    def __getstate__(self) -> dict[str, Any]:
        log = self._log if isinstance(self._log, dict) else self._log.__getstate__()
        return {**self.__dict__, "_scores": {}, "_log": log}

    def _open_log(self) -> ScoringMonitor:
        """The log; a copy's is opened where it is used first.

        Once open, it reports to the process it is in, if that is the original's. So a copy that is
        only passed on, as by Dask's scheduler, passes on what it was given.
        """
        with _OPENING:
            if isinstance(self._log, dict):
                log = ScoringMonitor.__new__(ScoringMonitor)
                log.__setstate__(self._log)
                self._log = log
        return self._log


def _given_scores(estimator: Any, X: Any, y: Any, *, scores: dict[str, float]) -> dict[str, float]:
    return scores
