"""The only place that imports private names of scikit-learn (1.9)."""

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

__all__ = [
    "Interval",
    "StrOptions",
    "_BaseScorer",
    "_fit_context",
    "_safe_indexing",
    "validate_parameter_constraints",
]
