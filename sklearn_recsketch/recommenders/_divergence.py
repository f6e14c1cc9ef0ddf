"""Messages for training that has diverged, which means that parameters became NaN or infinite."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

from sklearn_recsketch.exceptions import DivergenceWarning
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["raise_update_diverged", "warn_training_diverged"]


def warn_training_diverged(estimator: Any, epoch: int, largest_norm: float) -> None:
    """Warn that training diverged and was stopped, and that the last finite factors were kept."""
    rate = getattr(estimator, "learning_rate", None)
    at = f" with learning_rate={rate}" if rate is not None else ""
    instead = "a larger regularization, or smaller strengths y" if rate is None else "a smaller learning_rate"
    kept = f"the factors of epoch {epoch} were kept" if epoch else "the initial factors were kept"
    warnings.warn(
        f"{type(estimator).__name__} diverged in epoch {epoch + 1}{at}: the largest norm of a vector was "
        f"{largest_norm:.3g}. Training stopped and {kept}. Try {instead}.",
        DivergenceWarning,
        stacklevel=levels_inside(),
    )


def raise_update_diverged(estimator: Any, largest_norm: float) -> NoReturn:
    """Raise a ValueError because `partial_fit` diverged. The model remains unchanged."""
    instead = "a smaller learning_rate" if hasattr(estimator, "learning_rate") else "smaller strengths y"
    raise ValueError(
        f"The update diverged: the largest norm of a vector was {largest_norm:.3g}. The model is the same as before. "
        f"Try {instead}."
    )
