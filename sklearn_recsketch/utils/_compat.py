"""The private names of scikit-learn (1.9) that may change without notice.

Parameter constraints come from ``sklearn.utils._param_validation``, which its own developer guide recommends.
"""

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer

__all__ = ["_BaseScorer", "_fit_context"]
