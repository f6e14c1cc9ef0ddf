"""Splitters for interactions."""

from sklearn_recsketch.model_selection._split import UserHoldoutSplit, UserKFold

__all__ = ["UserHoldoutSplit", "UserKFold"]
