"""Comparison of models, bit for bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_recsketch.preprocessing import SideFeatures


def assert_same_model(one, other, where="model"):
    """Fail unless two values have the same types and, in all their parts, the same bits."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        if one.dtype == object:
            assert_same_model(one.tolist(), other.tolist(), where)
        else:
            assert one.tobytes() == other.tobytes(), where
    elif sp.issparse(one):
        assert one.shape == other.shape, where
        for part in ("data", "indices", "indptr"):
            assert_same_model(getattr(one, part), getattr(other, part), f"{where}.{part}")
    elif isinstance(one, SideFeatures):
        for part in SideFeatures.__slots__:
            assert_same_model(getattr(one, part), getattr(other, part), f"{where}.{part}")
    elif isinstance(one, np.random.RandomState):
        assert_same_model(one.get_state(), other.get_state(), where)
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same_model(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for i, (left, right) in enumerate(zip(one, other)):
            assert_same_model(left, right, f"{where}[{i}]")
    elif isinstance(one, MetadataRequest):
        assert repr(one) == repr(other), where
    elif isinstance(one, BaseEstimator):
        assert vars(one).keys() == vars(other).keys(), where
        for name, value in vars(one).items():
            assert_same_model(value, vars(other)[name], f"{where}.{name}")
    elif dataclasses.is_dataclass(one):
        assert_same_model(dataclasses.asdict(one), dataclasses.asdict(other), where)
    elif isinstance(one, np.generic):
        assert one.tobytes() == other.tobytes(), where
    elif isinstance(one, float):
        assert repr(one) == repr(other), where
    else:
        assert one == other, where
