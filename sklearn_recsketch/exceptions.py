"""Warnings of the package."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["DivergenceWarning"]


class DivergenceWarning(ConvergenceWarning):
    """Training left the finite numbers; the factors of the last finite epoch were kept.

    Turn it into an exception with
    ``warnings.filterwarnings("error", category=sklearn_recsketch.exceptions.DivergenceWarning)``.
    """
