"""What is in the embedded space, and what searches and training look like."""

from sklearn_recsketch.inspection._embedding_display import EmbeddingDisplay
from sklearn_recsketch.inspection._epoch_curves import EpochCurveDisplay
from sklearn_recsketch.inspection._features import items_like_feature, similar_features, suggest_features
from sklearn_recsketch.inspection._norms import embedding_norms
from sklearn_recsketch.inspection._norms_display import EmbeddingNormsDisplay
from sklearn_recsketch.inspection._search_scatter import SearchScatterDisplay
from sklearn_recsketch.inspection._search_traces import SearchTraceDisplay

__all__ = [
    "EmbeddingDisplay",
    "EmbeddingNormsDisplay",
    "EpochCurveDisplay",
    "SearchScatterDisplay",
    "SearchTraceDisplay",
    "embedding_norms",
    "items_like_feature",
    "similar_features",
    "suggest_features",
]
