"""Convert tables of interactions and side features to matrices, and matrices to tables of interactions."""

from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._interaction_matrix import (
    describe_interactions,
    interactions_from_matrix,
    to_matrix,
)
from sklearn_recsketch.preprocessing._parquet import ParquetInteractions
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.preprocessing._threshold import InteractionThresholder, threshold_interactions

__all__ = [
    "InteractionThresholder",
    "ParquetInteractions",
    "SideFeatureEncoder",
    "SideFeatures",
    "describe_interactions",
    "interactions_from_matrix",
    "threshold_interactions",
    "to_matrix",
]
