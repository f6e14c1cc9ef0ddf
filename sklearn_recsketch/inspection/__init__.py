"""What the embedded space says about features, why an item scores so, what searches and training look like."""

from sklearn_recsketch.inspection._epoch_curves import EpochCurveDisplay
from sklearn_recsketch.inspection._explain import explain
from sklearn_recsketch.inspection._explanation_display import ExplanationDisplay
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
    "ExplanationDisplay",
    "SearchScatterDisplay",
    "SearchTraceDisplay",
    "explain",
    "items_like_feature",
    "similar_features",
    "similar_user_features",
    "suggest_features",
    "suggest_user_features",
    "users_like_feature",
]
