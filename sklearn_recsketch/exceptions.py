"""Exceptions that the package raises, and warnings that it issues."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["DivergenceWarning", "IdMismatchWarning", "ModelFileError", "UnknownFeatureWarning", "UnknownIdWarning"]


class DivergenceWarning(ConvergenceWarning):
    """Warning issued if training diverges because parameters become NaN or infinite.

    The recommender keeps the factors of the last epoch after which all parameters were finite. To raise an exception
    instead, use
    ``warnings.filterwarnings("error", category=sklearn_recsketch.exceptions.DivergenceWarning)``.
    """


class IdMismatchWarning(UserWarning):
    """Warning issued if only a few ids in the interactions have side features.

    The interactions and the side features may use different ids. If the ids are correct, silence the warning with
    ``warnings.filterwarnings("ignore", category=sklearn_recsketch.exceptions.IdMismatchWarning)``.
    """


class ModelFileError(ValueError):
    """Error raised by :func:`~sklearn_recsketch.load_model` if a file cannot be loaded.

    The file is damaged or is no model file, it holds a class that is neither known nor trusted, or a newer version of
    this package wrote it.
    """


class UnknownFeatureWarning(UserWarning):
    """Warning issued if all features that a query gives for a user or an item are unknown to the model.

    Features that did not occur in fit have no embeddings, so they are ignored. If this is intended, silence the warning
    with
    ``warnings.filterwarnings("ignore", category=sklearn_recsketch.exceptions.UnknownFeatureWarning)``.
    """


class UnknownIdWarning(UserWarning):
    """Warning issued if a query contains users or items that the model does not know.

    An unknown user or item is represented by the mean of the known ones, unless a history or features are passed with
    the query. If this is intended, silence the warning with
    ``warnings.filterwarnings("ignore", category=sklearn_recsketch.exceptions.UnknownIdWarning)``.
    """
