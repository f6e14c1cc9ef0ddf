"""Warnings of the package."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["DivergenceWarning", "IdMismatchWarning"]


class DivergenceWarning(ConvergenceWarning):
    """Training left the finite numbers; the factors of the last finite epoch were kept.

    Turn it into an exception with
    ``warnings.filterwarnings("error", category=sklearn_recsketch.exceptions.DivergenceWarning)``.
    """


class IdMismatchWarning(UserWarning):
    """Few of the ids of the interactions have side features, as where these are keyed by other ids.

    If that is how it should be, silence it with
    ``warnings.filterwarnings("ignore", category=sklearn_recsketch.exceptions.IdMismatchWarning)``.
    """
