"""The loop over the epochs of a fit, with callbacks, early stopping and checks for divergence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from sklearn.callback import CallbackContext
from sklearn.utils import check_random_state

from sklearn_recsketch._data.interactions import Interactions, InteractionSource, check_interactions
from sklearn_recsketch._data.user_order import sample_fraction_per_user
from sklearn_recsketch.metrics._metric_names import DEFAULT_METRIC
from sklearn_recsketch.metrics._scorer import check_ranking_scorer, on_rows
from sklearn_recsketch.recommenders._divergence import warn_training_diverged
from sklearn_recsketch.utils._compat import _safe_indexing

__all__ = ["Monitor", "Trainer", "data_of_callbacks", "run_epochs", "split_validation"]


class Trainer(Protocol):
    """Training state of one fit.

    There are separate trainers for WRMF, for WARP and BPR, and for each engine.
    """

    def run_epoch(self, epoch: int) -> float:
        """Train for one epoch and return the loss, which may be infinite or NaN."""
        ...

    def is_finite(self) -> bool:
        """Return whether all embeddings are finite."""
        ...

    def snapshot(self, reuse: Any = None) -> Any:
        """Copy the current embeddings.

        If `reuse` is an earlier snapshot, its arrays are overwritten.
        """
        ...

    def restore(self, snapshot: Any) -> None:
        """Restore the embeddings from a snapshot."""
        ...

    def largest_norm(self) -> float:
        """Return the largest norm of all user and item vectors."""
        ...

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the embeddings of all users and of all items.

        Identity embeddings, if any, come before the embeddings of side features.
        """
        ...


@dataclass
class Monitor:
    """Validation scores for early stopping, and the best epoch so far."""

    score: Callable[[Any], float]
    patience: int
    tol: float
    interactions: Any = None  # the matrix to train on
    scores: list[float] = field(default_factory=list)
    best: int = -1
    snapshot: Any = None

    def should_stop(self, estimator: Any, trainer: Trainer) -> bool:
        """Score the current epoch. Return True if the score has not improved in the last `patience` epochs."""
        self.scores.append(float(self.score(estimator)))
        if self.best < 0 or self.scores[-1] > self.scores[self.best] + self.tol:
            self.best, self.snapshot = len(self.scores) - 1, trainer.snapshot()
        return len(self.scores) - 1 - self.best >= self.patience


def split_validation(
    estimator: Any, X: Any, interactions: Interactions, X_val: Any, y_val: Any
) -> tuple[Interactions, Monitor | None]:
    """Split off validation rows for early stopping.

    Held-out rows stay in the table with strength 0. The fitted model therefore knows their ids and pairs, but it is not
    trained on them.

    Returns
    -------
    interactions : Interactions
        Interactions to train on.
    monitor : Monitor or None
        Monitor for early stopping, or None if `early_stopping=False`.
    """
    if X_val is None and y_val is not None:
        raise ValueError("y_val was passed without X_val: pass both, or only X_val.")
    if not estimator.early_stopping:
        if X_val is not None:
            raise ValueError(
                "X_val was passed, but early_stopping=False: set early_stopping=True, or leave X_val and y_val out."
            )
        return interactions, None
    if X_val is not None:
        check_interactions(X_val, y_val, name="X_val", weighted=False)
    else:
        held_out = sample_fraction_per_user(
            interactions, estimator.validation_fraction, check_random_state(estimator.random_state)
        )
        if not held_out.any():
            raise ValueError(
                f"validation_fraction={estimator.validation_fraction} holds out none of the {len(held_out)} rows of X, "
                f"because every user keeps at least one item for training. Pass X_val, or set early_stopping=False."
            )
        is_file = isinstance(X, InteractionSource)
        X_val = interactions.frame(held_out) if is_file else _safe_indexing(X, np.flatnonzero(held_out))
        y_val = interactions.y[held_out]
        interactions = replace(interactions, y=np.where(held_out, 0.0, interactions.y))
    scorer = check_ranking_scorer(DEFAULT_METRIC if estimator.scoring is None else estimator.scoring)
    return interactions, Monitor(on_rows(scorer, X_val, y_val), estimator.n_iter_no_change, estimator.tol)


def data_of_callbacks(X: Any, y: Any, interactions: Interactions) -> tuple[Any, Any]:
    """Return the X and y to pass to callbacks.

    The returned y is never None because ScoringMonitor computes no scores without y. If X is a file, a function that
    reads the file is returned instead of X. scikit-learn calls this function only for hooks that take X, so the file is
    only read again if it is needed.
    """
    y = interactions.y if y is None else y
    return (lambda: check_interactions(X).frame()) if isinstance(X, InteractionSource) else X, y


def run_epochs(
    estimator: Any,
    trainer: Trainer,
    state: Callable[[Any], dict[str, Any]],
    context: CallbackContext,
    monitor: Monitor | None,
    data: tuple[Any, Any],
) -> dict[str, Any]:
    """Train for at most `max_iter` epochs. Return the fitted attributes that describe the training.

    Callbacks and validation scores need a fitted estimator during training. The function `state` therefore takes the
    attributes that describe the training so far, and returns them together with all other fitted attributes.
    """
    losses: list[float] = []
    progress: dict[str, Any] = {"loss_curve_": losses, "n_iter_": 0, "diverged_": False}
    last = trainer.snapshot()
    for epoch in range(estimator.max_iter):
        task = context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=estimator)
        loss = trainer.run_epoch(epoch)
        if not trainer.is_finite() or not np.isfinite(loss):
            norm = trainer.largest_norm()
            trainer.restore(last)
            progress["diverged_"] = True
            warn_training_diverged(estimator, epoch, norm)
            break
        last = trainer.snapshot(last)
        losses.append(loss)
        progress["n_iter_"] = epoch + 1
        if estimator.verbose:
            print(f"[{type(estimator).__name__}] epoch {epoch + 1}/{estimator.max_iter}, loss {loss:.6g}")
        stop = task.call_on_fit_task_end(
            estimator=estimator,
            X=data[0],
            y=data[1],
            # Costs a few percent of an epoch, so it is skipped if no callback needs a fitted estimator now.
            reconstruction_attributes=(lambda: state(dict(progress))) if _is_wanted(estimator, epoch + 1) else None,
        )
        if monitor is not None:
            fitted = copy.copy(estimator)
            # The score must not treat held-out rows as seen. The final model does.
            fitted._replace_fitted(state(dict(progress)) | {"interactions_": monitor.interactions})
            stop = monitor.should_stop(fitted, trainer) or stop
        elif estimator.tol > 0 and len(losses) > 1:
            stop = losses[-2] - losses[-1] < estimator.tol * abs(losses[-2]) or stop
        if stop:
            break
    if monitor is not None:
        progress["validation_scores_"] = np.array(monitor.scores)
        if monitor.best >= 0:
            trainer.restore(monitor.snapshot)
            progress["n_iter_"] = monitor.best + 1
    progress["loss_curve_"] = np.array(losses)
    return progress


def _is_wanted(estimator: Any, epoch: int) -> bool:
    """Return whether a callback uses the fitted estimator after this epoch.

    The callbacks of this package have a method `wants`. All other callbacks are assumed to use the estimator.
    """
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return any(getattr(callback, "wants", lambda epoch: True)(epoch) for callback in callbacks)
