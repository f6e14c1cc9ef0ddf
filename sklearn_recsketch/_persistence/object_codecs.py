"""Codecs of sparse matrices, of the package's own containers and of estimators."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_recsketch._persistence.known_classes import class_name, find_class
from sklearn_recsketch._persistence.model_nodes import Decoder, Encoder
from sklearn_recsketch.exceptions import ModelFileError
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.utils._compat import BaseSearchCV

__all__ = ["object_codecs"]

SPARSE: dict[str, Any] = {
    "csr_array": sp.csr_array,
    "csr_matrix": sp.csr_matrix,
    "csc_array": sp.csc_array,
    "csc_matrix": sp.csc_matrix,
}
PARTS = ("data", "indices", "indptr")


class SparseCodec:
    """Sparse matrices in CSR or CSC format."""

    kind = "sparse"

    def handles(self, value: Any) -> bool:
        return SPARSE.get(type(value).__name__) is type(value)

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        parts = {name: encoder.encode(getattr(value, name), f"{where}.{name}") for name in PARTS}
        # scipy checks this once and remembers it. A check of a mapped matrix would read all of it.
        flags = {"sorted": bool(value.has_sorted_indices), "canonical": bool(value.has_canonical_format)}
        return {"class": type(value).__name__, "shape": list(value.shape), **parts, **flags}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> Any:
        cls, (n_rows, n_columns) = SPARSE[node["class"]], node["shape"]
        data, indices, indptr = (decoder.decode(node[name]) for name in PARTS)
        n, width = (n_rows, n_columns) if node["class"].startswith("csr") else (n_columns, n_rows)
        integers = all(part.dtype.kind == "i" and part.ndim == 1 for part in (indices, indptr))
        if not integers or len(indptr) != n + 1 or data.shape != indices.shape or width < 0:
            raise ModelFileError("the parts of a sparse matrix do not fit together")
        if indptr[0] != 0 or indptr[-1] > len(indices) or (indptr[1:] < indptr[:-1]).any():
            raise ModelFileError("the row pointers of a sparse matrix are damaged")
        # Compiled code would read memory outside of arrays. Indices that are mapped and not verified are not read.
        read = not decoder.container.is_unverified(indices)
        if read and len(indices) and not (indices.min() >= 0 and indices.max() < width):
            raise ModelFileError("an index of a sparse matrix is out of range")
        matrix = cls((n_rows, n_columns), dtype=data.dtype)
        # The constructor would convert the indices to another dtype.
        matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
        matrix.has_canonical_format = node["canonical"]
        matrix.has_sorted_indices = node["sorted"]
        return matrix


class SideFeaturesCodec:
    """Side features, with read-only arrays."""

    kind = "SideFeatures"

    def handles(self, value: Any) -> bool:
        return type(value) is SideFeatures

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        return {name: encoder.encode(getattr(value, name), f"{where}.{name}") for name in SideFeatures.__slots__}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> SideFeatures:
        features = SideFeatures.__new__(SideFeatures)  # the constructor would copy the indices
        parts = {name: decoder.decode(node[name]) for name in SideFeatures.__slots__}
        matrix = parts["matrix"]
        if matrix.shape != (len(parts["ids"]), len(parts["keys"])) or len(parts["values"]) != len(parts["keys"]):
            raise ModelFileError("the parts of side features do not fit together")
        for name, value in parts.items():
            object.__setattr__(features, name, value)
        for array in (parts["ids"], parts["keys"], parts["values"], *(getattr(matrix, part) for part in PARTS)):
            array.setflags(write=False)
        return features


class ObjectiveCodec:
    """Objective of WRMF, from which `partial_fit` continues."""

    kind = "Objective"

    def handles(self, value: Any) -> bool:
        return type(value) is Objective

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        names = [field.name for field in fields(value)]
        return {name: encoder.encode(getattr(value, name), f"{where}.{name}") for name in names}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> Objective:
        return Objective(**{name: decoder.decode(part) for name, part in node.items() if name not in ("kind", "id")})


class MetadataRequestCodec:
    """Metadata requests of an estimator, which `set_fit_request` and similar methods store."""

    kind = "metadata_request"

    def handles(self, value: Any) -> bool:
        return type(value) is MetadataRequest

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        requests = {method: dict(getattr(value, method).requests) for method in value._serialize()}
        return {"owner": class_name(type(value.owner)), "requests": encoder.encode(requests, where)}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> MetadataRequest:
        metadata = MetadataRequest(owner=node["owner"])  # only shown in messages
        for method, requests in decoder.decode(node["requests"]).items():
            for param, alias in requests.items():
                getattr(metadata, method).add_request(param=param, alias=alias)
        return metadata


class EstimatorCodec:
    """Estimators: their class, their parameters, and all other attributes."""

    kind = "estimator"

    def __init__(self, classes: dict[str, type]) -> None:
        self._classes = classes

    def handles(self, value: Any) -> bool:
        return isinstance(value, BaseEstimator)

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        if isinstance(value, BaseSearchCV):
            raise TypeError(
                f"{where} is a search. Save the estimator that it found: save_model(search.best_estimator_, path). A "
                f"model file does not hold the scorers, the splitters and the table of results of a search."
            )
        if getattr(value, "_skl_callbacks", None):
            raise TypeError(
                f"{where} has callbacks, and a model file holds none: {value._skl_callbacks}. Remove them before "
                f"saving, with set_callbacks() and no arguments."
            )
        params, state = value.get_params(deep=False), value.__getstate__()
        if not isinstance(state, dict):
            raise TypeError(f"{where} cannot be saved, because its method __getstate__ does not return a dict.")
        others = {name: item for name, item in state.items() if name not in params or item is not params[name]}
        return {
            "class": class_name(type(value)),
            "params": {name: encoder.encode(item, f"{where}.{name}") for name, item in params.items()},
            "state": {name: encoder.encode(item, f"{where}.{name}") for name, item in others.items()},
        }

    def decode(self, node: dict[str, Any], decoder: Decoder) -> Any:
        cls = find_class(node["class"], self._classes)
        params = {name: decoder.decode(item) for name, item in node["params"].items()}
        state = {name: decoder.decode(item) for name, item in node["state"].items()}
        # Parameters that are newer than the file get their default values.
        estimator = cls(**params)
        estimator.__setstate__(state)
        return estimator


def object_codecs(classes: dict[str, type]) -> tuple[Any, ...]:
    """Return the codecs of objects. Only estimators of the given classes are loaded."""
    return SparseCodec(), SideFeaturesCodec(), ObjectiveCodec(), MetadataRequestCodec(), EstimatorCodec(classes)
