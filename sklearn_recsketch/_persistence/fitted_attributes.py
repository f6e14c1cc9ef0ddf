"""Fitted attributes of recommenders and encoders: whether they fit together, so that compiled code may use them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from sklearn_recsketch._persistence.index_arrays import overlapping_chunks
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.recommenders._ease import EASERecommender
from sklearn_recsketch.recommenders._factors import FactorRecommender
from sklearn_recsketch.recommenders._item_knn import ItemKNNRecommender
from sklearn_recsketch.recommenders._item_weights import ItemWeightRecommender
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender

__all__ = ["attribute_problem"]


class Rule(NamedTuple):
    """What is known about a fitted attribute.

    Attributes
    ----------
    kind : type
        Class of the attribute.
    shape : tuple of str or int
        Attributes that use the same name have the same length along these axes.
    dtype : str
        Name of the dtype, "ids" for sorted distinct integers or strings, "strings" or "integers".
    optional : bool
        Whether the attribute may be None. A design that is None stands for the identity matrix.
    """

    kind: Any
    shape: tuple[str | int, ...]
    dtype: str = "float32"
    optional: bool = False


Rules = dict[str, Rule]


def _arrays(dtype: str, shape: tuple[str | int, ...], *names: str) -> Rules:
    return {name: Rule(np.ndarray, shape, dtype) for name in names}


def _side_rules(side: str) -> Rules:
    """Return the rules for users or for items of a recommender with factors."""
    ids, embeddings = f"{side}s", f"{side}_embeddings"
    return {
        f"_{side}_design": Rule(sp.csr_array, (ids, embeddings), optional=True),
        f"{side}_features_": Rule(SideFeatures, (ids, f"{side}_features"), optional=True),
        **_arrays("float32", (ids, "n_components"), f"{side}_factors_"),
        **_arrays("float32", (embeddings, "n_components"), f"{side}_embeddings_"),
        **_arrays("float32", ("n_components",), f"_unknown_{side}"),
        **_arrays("bool", (ids,), f"_active_{side}s"),
        **_arrays("integers", (ids,), f"_n_interactions_of_{side}s"),
    }


INTERACTIONS = Rule(sp.csr_array, ("users", "items"))
# A class has the attributes of all its base classes.
RULES: dict[type, Rules] = {
    BaseRecommender: {
        **_arrays("ids", ("users",), "users_"),
        **_arrays("ids", ("items",), "items_"),
        "interactions_": INTERACTIONS,
    },
    FactorRecommender: {"_trained_on": INTERACTIONS, **_side_rules("user"), **_side_rules("item")},
    PairwiseRecommender: {
        **_arrays("float32", ("items",), "item_biases_"),
        **_arrays("float32", ("item_embeddings",), "item_feature_biases_"),
        **_arrays("float32", ("user_embeddings", 4), "_training_state['user']"),
        **_arrays("float32", ("item_embeddings", 4), "_training_state['item']"),
    },
    ItemWeightRecommender: _arrays("float32", ("items",), "item_shares_"),
    EASERecommender: _arrays("float32", ("items", "items"), "item_weights_"),
    ItemKNNRecommender: {"item_weights_": Rule(sp.csr_array, ("items", "items"))},
    SideFeatureEncoder: {
        **_arrays("ids", ("ids",), "ids_"),
        **_arrays("strings", ("features",), "feature_names_"),
        **_arrays("integers", ("features",), "columns_"),
        **_arrays("float64", ("features",), "idf_", "mean_", "scale_"),
        **_arrays("bool", ("features",), "indicators_", "standardized_"),
    },
}


def attribute_problem(estimator: BaseEstimator) -> str | None:
    """Explain which fitted attribute of an estimator is missing or does not fit to the others.

    Only ids and the flags of sparse matrices are read. The result is None if the estimator is not fitted, or if all
    attributes fit together. A subclass in another package may do without an attribute, but cannot change its meaning.
    """
    rules = {name: rule for cls, part in RULES.items() if isinstance(estimator, cls) for name, rule in part.items()}
    values = _flat(vars(estimator))
    if not rules.keys() & values.keys():
        return None
    missing = rules.keys() - values.keys()
    if missing and type(estimator).__module__.startswith("sklearn_recsketch."):
        return f"{type(estimator).__name__} lacks the fitted attribute {min(missing)}"
    sizes: dict[str | int, tuple[int, str]] = {}
    for name, rule in rules.items():
        problem = None if name in missing else _problem(name, values[name], rule, sizes)
        if problem is not None:
            return f"the fitted attribute {name} of {type(estimator).__name__} {problem}"
    return None


def _flat(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return all attributes, in which each entry of a dict counts as an attribute."""
    flat = dict(attributes)
    for name, value in attributes.items():
        if isinstance(value, dict):
            flat |= {f"{name}[{key!r}]": entry for key, entry in value.items()}
    return flat


def _problem(name: str, value: Any, rule: Rule, sizes: dict[str | int, tuple[int, str]]) -> str | None:
    """Explain what is wrong with an attribute. The lengths that it has are added to `sizes`."""
    shape: tuple[int, ...]
    if value is None and rule.optional:
        if rule.kind is not sp.csr_array:
            return None
        shape = (sizes[rule.shape[0]][0],) * 2
    elif type(value) is not rule.kind:
        return f"is an instance of {type(value).__name__}, not of {rule.kind.__name__}"
    else:
        shape = value.matrix.shape if isinstance(value, SideFeatures) else value.shape
        problem = _contents_problem(value, rule)
        if problem is not None:
            return problem
    if len(shape) != len(rule.shape):
        return f"has {len(shape)} dimensions, not {len(rule.shape)}"
    for length, axis in zip(shape, rule.shape, strict=True):
        expected, by = (axis, "its format") if isinstance(axis, int) else sizes.setdefault(axis, (length, name))
        if length != expected:
            return f"has the shape {shape}, but {by} requires {expected} instead of {length}"
    return None


def _contents_problem(value: Any, rule: Rule) -> str | None:
    """Explain what is wrong with the dtype, the memory order or the ids of an attribute."""
    if isinstance(value, SideFeatures):
        return None
    if rule.dtype == "ids":
        return None if _are_ids(value) else "does not hold sorted distinct ids"
    kind = {"integers": "i", "strings": "O"}.get(rule.dtype)
    if value.dtype.kind != kind if kind else value.dtype != rule.dtype:
        return f"has the dtype {value.dtype}, not {rule.dtype}"
    if rule is INTERACTIONS and not value.has_canonical_format:
        return "has unsorted or repeated indices"
    if isinstance(value, np.ndarray) and value.ndim > 1 and not value.flags.c_contiguous:
        return "is not in C order"
    return None


def _are_ids(values: np.ndarray) -> bool:
    """Return whether an array holds integers or strings that ascend."""
    if values.ndim != 1 or values.dtype not in (np.int64, object):
        return False
    if values.dtype == object and not all(type(value) is str for value in values):
        return False
    return all(bool(np.all(part[1:] > part[:-1])) for part in overlapping_chunks(values))
