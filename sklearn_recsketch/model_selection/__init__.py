"""Splitters for interactions."""

from sklearn_recsketch.model_selection._cold_split import ColdItemSplit, ColdUserSplit
from sklearn_recsketch.model_selection._split import UserHoldoutSplit, UserKFold

__all__ = ["ColdItemSplit", "ColdUserSplit", "UserHoldoutSplit", "UserKFold"]
