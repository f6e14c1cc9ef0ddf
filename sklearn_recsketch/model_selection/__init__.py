"""Splitters, hyperparameter searches and monitors for recommenders."""

from typing import Any

from sklearn_recsketch.model_selection._cold_split import ColdItemSplit, ColdUserSplit
from sklearn_recsketch.model_selection._epochs.epoch_search import EpochSearchCV
from sklearn_recsketch.model_selection._epochs.pruning import HalvingPruning, MedianPruning
from sklearn_recsketch.model_selection._fits.ray_backend import register_ray
from sklearn_recsketch.model_selection._monitor import EpochCurveMonitor
from sklearn_recsketch.model_selection._split import UserHoldoutSplit, UserKFold
from sklearn_recsketch.model_selection._temporal_split import TemporalUserSplit

__all__ = [
    "BayesSearchCV",
    "ColdItemSplit",
    "ColdUserSplit",
    "EpochCurveMonitor",
    "EpochSearchCV",
    "HalvingPruning",
    "MedianPruning",
    "TemporalUserSplit",
    "UserHoldoutSplit",
    "UserKFold",
    "register_ray",
]


def __getattr__(name: str) -> Any:
    """Import BayesSearchCV on first access, because importing its optional dependency is slow."""
    if name != "BayesSearchCV":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from sklearn_recsketch.model_selection._bayes.bayes_search import BayesSearchCV
    except ModuleNotFoundError as error:
        if error.name != "skopt":
            raise
        raise ImportError(
            'BayesSearchCV needs scikit-optimize. Install it: pip install "sklearn-recsketch[tune]"'
        ) from error
    return BayesSearchCV


def __dir__() -> list[str]:
    return sorted(__all__)
