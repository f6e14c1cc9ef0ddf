"""Recommenders for implicit feedback that are scikit-learn estimators."""

from sklearn_recsketch.preprocessing import InteractionThresholder, SideFeatureEncoder, SideFeatures
from sklearn_recsketch.recommenders import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.utils._show_versions import show_versions

__version__ = "0.1.0"

__all__ = [
    "BPRRecommender",
    "EASERecommender",
    "InteractionThresholder",
    "ItemKNNRecommender",
    "PopularityRecommender",
    "SideFeatureEncoder",
    "SideFeatures",
    "WARPRecommender",
    "WRMFRecommender",
    "show_versions",
]
