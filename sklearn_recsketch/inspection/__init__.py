"""What the embedded space says about features, and what searches and training look like."""

from sklearn_recsketch.inspection._epoch_curves import EpochCurveDisplay
from sklearn_recsketch.inspection._features import (
    items_like_feature,
    similar_features,
    similar_user_features,
    suggest_features,
    suggest_user_features,
    users_like_feature,
)
from sklearn_recsketch.inspection._search_scatter import SearchScatterDisplay
from sklearn_recsketch.inspection._search_traces import SearchTraceDisplay

__all__ = [
    "EpochCurveDisplay",
    "SearchScatterDisplay",
    "SearchTraceDisplay",
    "items_like_feature",
    "similar_features",
    "similar_user_features",
    "suggest_features",
    "suggest_user_features",
    "users_like_feature",
]
