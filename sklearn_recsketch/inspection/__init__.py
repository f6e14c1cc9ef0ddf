"""What the embedded space says about features, and what items, searches and training look like."""

from sklearn_recsketch.inspection._epoch_curves import EpochCurveDisplay
from sklearn_recsketch.inspection._features import items_like_feature, similar_features, suggest_features
from sklearn_recsketch.inspection._gallery import ItemGallery
from sklearn_recsketch.inspection._pictures import placeholder_picture
from sklearn_recsketch.inspection._search_scatter import SearchScatterDisplay
from sklearn_recsketch.inspection._search_traces import SearchTraceDisplay
from sklearn_recsketch.inspection._thumbnails import sketchfab_thumbnails

__all__ = [
    "EpochCurveDisplay",
    "ItemGallery",
    "SearchScatterDisplay",
    "SearchTraceDisplay",
    "items_like_feature",
    "placeholder_picture",
    "similar_features",
    "sketchfab_thumbnails",
    "suggest_features",
]
