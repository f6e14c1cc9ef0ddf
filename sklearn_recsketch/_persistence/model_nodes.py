"""Conversion of models to JSON values and arrays, and back.

A plain value is itself in JSON. Every other value is a node: a dict with a "kind" and with what the codec of this kind
writes. An object that occurs several times is written once. Its other occurrences are nodes of the kind "same".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from sklearn_recsketch._persistence.array_members import storable_dtype
from sklearn_recsketch._persistence.model_container import ModelContainer
from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["Codec", "Decoder", "Encoder"]


class Codec(Protocol):
    """Conversion of the values of one kind."""

    kind: str

    def handles(self, value: Any) -> bool:
        """Return whether this codec converts the value."""
        ...

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        """Return the entries of the node, except for its kind."""
        ...

    def decode(self, node: dict[str, Any], decoder: Decoder) -> Any:
        """Return the value that a node stands for."""
        ...


class Encoder:
    """Convert values to nodes, and collect their arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Arrays of the converted values, by the names of their members. They are not copied.
    """

    def __init__(self, codecs: Sequence[Codec]) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._codecs = codecs
        self._nodes: dict[int, dict[str, Any] | None] = {}
        self._alive: list[Any] = []  # so that no other object gets the id or the memory of a converted one
        self._members: dict[Any, str] = {}
        self._numbers = itertools.count()

    def encode(self, value: Any, where: str) -> Any:
        """Convert a value. `where` names it in error messages and in the names of members."""
        if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
            return value
        if id(value) in self._nodes:
            node = self._nodes[id(value)]
            if node is None:
                raise TypeError(f"{where} contains itself, so it cannot be saved.")
            node.setdefault("id", next(self._numbers))
            return {"kind": "same", "id": node["id"]}
        codec = next((codec for codec in self._codecs if codec.handles(value)), None)
        if codec is None:
            raise TypeError(_unsupported(value, where))
        self._alive.append(value)
        self._nodes[id(value)] = None
        node = {"kind": codec.kind, **codec.encode(value, where, self)}
        self._nodes[id(value)] = node
        return node

    def add_array(self, array: np.ndarray, where: str) -> str:
        """Add an array, unless an array with the same memory was added before. Return the name of its member."""
        array = np.asarray(array)
        if not storable_dtype(array.dtype):
            raise TypeError(f"{where} has the dtype {array.dtype}, which cannot be saved. Convert the array.")
        memory = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if memory not in self._members:
            path = where.partition(".")[2]  # without the class of the model
            label = re.sub(r"[^A-Za-z0-9_]+", ".", path).strip(".")[:100]
            self._members[memory] = f"{len(self.arrays):03d}.{label}.npy"
            self.arrays[self._members[memory]] = array
        return self._members[memory]


class Decoder:
    """Convert nodes to values.

    Parameters
    ----------
    codecs : sequence of Codec
    container : ModelContainer
        File from which arrays are read.
    """

    def __init__(self, codecs: Sequence[Codec], container: ModelContainer) -> None:
        self.container = container
        self._codecs = {codec.kind: codec for codec in codecs}
        self._shared: dict[int, Any] = {}

    def decode(self, node: Any) -> Any:
        """Convert a node, or a plain value, to a value."""
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if node["kind"] == "same":
            return self._shared[node["id"]]
        if node["kind"] not in self._codecs:
            raise ModelFileError(f"it holds a value of the unknown kind {node['kind']!r}")
        value = self._codecs[node["kind"]].decode(node, self)
        if "id" in node:
            self._shared[node["id"]] = value
        return value


def _unsupported(value: Any, where: str) -> str:
    """Explain why a value cannot be saved, and what to do."""
    if callable(value):
        return (
            f"{where} is {value!r}. A model file holds no functions and no other callables, because loading them would "
            f"execute code. Before saving, replace it with set_params: scoring, for example, may be the name of a "
            f"metric such as 'ndcg@10', or None. The fitted attributes do not change."
        )
    return (
        f"{where} is an instance of {type(value).__module__}.{type(value).__qualname__}, which cannot be saved. A "
        f"model file holds numbers, strings, lists, tuples, dicts, arrays, sparse matrices in CSR or CSC format, "
        f"SideFeatures and estimators. Convert the attribute to one of these."
    )
