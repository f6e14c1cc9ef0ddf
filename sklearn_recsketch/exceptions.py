"""Warning categories of the package."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["DivergenceWarning", "IdMismatchWarning"]


class DivergenceWarning(ConvergenceWarning):
    """Warning that training diverged: parameters became NaN or infinite.

    The recommender keeps the factors of the last finite epoch. To raise an exception instead, use
    ``warnings.filterwarnings("error", category=sklearn_recsketch.exceptions.DivergenceWarning)``.
    """


class IdMismatchWarning(UserWarning):
    """Warning that few of the ids of the interactions have side features, which may be keyed by different ids.

    If this is intended, silence the warning with
    ``warnings.filterwarnings("ignore", category=sklearn_recsketch.exceptions.IdMismatchWarning)``.
    """
