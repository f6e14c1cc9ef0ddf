"""Functions and displays that inspect embeddings, explain recommendations and plot searches."""

from sklearn_recsketch.inspection._embedding_display import EmbeddingDisplay
from sklearn_recsketch.inspection._embedding_norms import embedding_norms
from sklearn_recsketch.inspection._embedding_norms_display import EmbeddingNormsDisplay
from sklearn_recsketch.inspection._epoch_curves import EpochCurveDisplay
from sklearn_recsketch.inspection._explain import explain
from sklearn_recsketch.inspection._explanation_display import ExplanationDisplay
from sklearn_recsketch.inspection._features import rank_by_feature, similar_features, suggest_features
from sklearn_recsketch.inspection._gallery import ItemGallery
from sklearn_recsketch.inspection._pictures import placeholder_picture
from sklearn_recsketch.inspection._search_scatter import SearchScatterDisplay
from sklearn_recsketch.inspection._search_traces import SearchTraceDisplay
from sklearn_recsketch.inspection._thumbnails import sketchfab_thumbnails

__all__ = [
    "EmbeddingDisplay",
    "EmbeddingNormsDisplay",
    "EpochCurveDisplay",
    "ExplanationDisplay",
    "ItemGallery",
    "SearchScatterDisplay",
    "SearchTraceDisplay",
    "embedding_norms",
    "explain",
    "placeholder_picture",
    "rank_by_feature",
    "similar_features",
    "sketchfab_thumbnails",
    "suggest_features",
]
