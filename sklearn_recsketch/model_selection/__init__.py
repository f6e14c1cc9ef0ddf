"""Splitters for interactions."""

from sklearn_recsketch.model_selection._cold_split import ColdItemSplit, ColdUserSplit
from sklearn_recsketch.model_selection._split import UserHoldoutSplit, UserKFold
from sklearn_recsketch.model_selection._temporal_split import TemporalUserSplit

__all__ = ["ColdItemSplit", "ColdUserSplit", "TemporalUserSplit", "UserHoldoutSplit", "UserKFold"]
