"""Recommenders for implicit feedback that are scikit-learn estimators."""

from sklearn_recsketch._persistence.model_files import load_model, save_model
from sklearn_recsketch.preprocessing import InteractionThresholder, SideFeatureEncoder, SideFeatures
from sklearn_recsketch.recommenders import (
    BPRRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.utils._show_versions import show_versions

__version__ = "0.1.0"

__all__ = [
    "BPRRecommender",
    "InteractionThresholder",
    "PopularityRecommender",
    "SideFeatureEncoder",
    "SideFeatures",
    "WARPRecommender",
    "WRMFRecommender",
    "load_model",
    "save_model",
    "show_versions",
]
