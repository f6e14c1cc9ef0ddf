"""The only place that imports private names of scikit-learn (1.9)."""

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils._plotting import _validate_style_kwargs

__all__ = [
    "BaseSearchCV",
    "Interval",
    "StrOptions",
    "_BaseScorer",
    "_fit_context",
    "_safe_indexing",
    "_validate_style_kwargs",
    "validate_parameter_constraints",
]
