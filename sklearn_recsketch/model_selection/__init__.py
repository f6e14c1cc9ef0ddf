"""Splitters, searches and monitors for interactions."""

from sklearn_recsketch.model_selection._cold_split import ColdItemSplit, ColdUserSplit
from sklearn_recsketch.model_selection._epoch_monitor import EpochCurveMonitor
from sklearn_recsketch.model_selection._epoch_search import EpochSearchCV
from sklearn_recsketch.model_selection._pruning import HalvingPruning, MedianPruning
from sklearn_recsketch.model_selection._split import UserHoldoutSplit, UserKFold
from sklearn_recsketch.model_selection._temporal_split import TemporalUserSplit

__all__ = [
    "ColdItemSplit",
    "ColdUserSplit",
    "EpochCurveMonitor",
    "EpochSearchCV",
    "HalvingPruning",
    "MedianPruning",
    "TemporalUserSplit",
    "UserHoldoutSplit",
    "UserKFold",
]
