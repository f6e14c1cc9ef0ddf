"""What the embedded space says about features."""

from sklearn_recsketch.inspection._features import items_like_feature, similar_features, suggest_features

__all__ = ["items_like_feature", "similar_features", "suggest_features"]
