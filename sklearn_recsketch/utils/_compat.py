"""The only place that imports private names of scikit-learn (1.9)."""

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer

__all__ = ["_BaseScorer", "_fit_context"]
