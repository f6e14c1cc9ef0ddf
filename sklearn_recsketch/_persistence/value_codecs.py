"""Codecs of lists, dicts, NumPy scalars, arrays and random states."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._persistence.array_members import DTYPE, storable_dtype
from sklearn_recsketch._persistence.model_nodes import Decoder, Encoder
from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["VALUE_CODECS"]


class NonFiniteCodec:
    """Python floats that JSON does not have: NaN and infinities."""

    kind = "float"

    def handles(self, value: Any) -> bool:
        return type(value) is float

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        return {"value": repr(value)}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> float:
        return float(node["value"])


class SequenceCodec:
    """Lists or tuples, but not instances of their subclasses."""

    def __init__(self, sequence: type[list[Any]] | type[tuple[Any, ...]]) -> None:
        self.kind, self._sequence = sequence.__name__, sequence

    def handles(self, value: Any) -> bool:
        return type(value) is self._sequence

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        return {"items": [encoder.encode(item, f"{where}[{i}]") for i, item in enumerate(value)]}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> Any:
        return self._sequence(decoder.decode(item) for item in node["items"])


class DictCodec:
    """Dicts with keys of any kind. The order of the keys is kept."""

    kind = "dict"

    def handles(self, value: Any) -> bool:
        return type(value) is dict

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        pairs = [
            [encoder.encode(key, f"a key of {where}"), encoder.encode(item, f"{where}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"items": pairs}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> dict[Any, Any]:
        return {decoder.decode(key): decoder.decode(item) for key, item in node["items"]}


class ScalarCodec:
    """NumPy scalars, as the bytes of their values."""

    kind = "numpy_scalar"

    def handles(self, value: Any) -> bool:
        return isinstance(value, np.generic) and DTYPE.fullmatch(value.dtype.str) is not None

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        data = value.tobytes()[: value.dtype.itemsize]  # NumPy returns four bytes for an empty string
        return {"dtype": value.dtype.str, "value": str(value), "bytes": data.hex()}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> np.generic:
        if not DTYPE.fullmatch(node["dtype"]):
            raise ModelFileError(f"a scalar has the dtype {node['dtype']!r}, which is not supported")
        dtype, data = np.dtype(node["dtype"]), bytes.fromhex(node["bytes"])
        if len(data) != dtype.itemsize:
            raise ModelFileError(f"a scalar of dtype {dtype} has {len(data)} bytes")
        return np.frombuffer(data, dtype)[0] if data else dtype.type()


class ArrayCodec:
    """Arrays of numbers, booleans, times or fixed-width strings."""

    kind = "array"

    def handles(self, value: Any) -> bool:
        return type(value) in (np.ndarray, np.memmap) and storable_dtype(value.dtype)

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        return {"member": encoder.add_array(value, where)}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> np.ndarray:
        return decoder.container.array(node["member"])


class TextsCodec:
    """One-dimensional object arrays of strings and None, such as ids.

    All strings are joined and encoded in UTF-8. Their lengths are counted in characters, and the length of None is -1.
    In a .npy file, each string would take as much space as the longest string.
    """

    kind = "texts"

    def handles(self, value: Any) -> bool:
        if type(value) is not np.ndarray or value.dtype != object or value.ndim != 1:
            return False
        return all(type(text) is str or text is None for text in value)

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        lengths = np.array([-1 if text is None else len(text) for text in value], dtype=np.int64)
        joined = "".join(text for text in value if text is not None).encode("utf-8", "surrogatepass")
        characters = np.frombuffer(joined, dtype=np.uint8)
        return {
            "characters": encoder.add_array(characters, f"{where}.characters"),
            "lengths": encoder.add_array(lengths, f"{where}.lengths"),
        }

    def decode(self, node: dict[str, Any], decoder: Decoder) -> np.ndarray:
        # Strings are read even if the arrays of numbers are mapped into memory.
        characters, lengths = (decoder.container.array(node[name], whole=True) for name in ("characters", "lengths"))
        joined = characters.tobytes().decode("utf-8", "surrogatepass")
        if lengths.dtype != np.int64 or lengths.ndim != 1 or (lengths < -1).any():
            raise ModelFileError("the lengths of strings are damaged")
        if sum(lengths[lengths > 0].tolist()) != len(joined):
            raise ModelFileError("the lengths of strings do not add up to the number of their characters")
        ends = np.cumsum(np.maximum(lengths, 0))
        texts = np.empty(len(lengths), dtype=object)
        texts[:] = [
            None if n < 0 else joined[end - n : end] for n, end in zip(lengths.tolist(), ends.tolist(), strict=True)
        ]
        return texts


class ObjectsCodec:
    """Object arrays of any shape and of other values. Each value becomes a node, so they should be few."""

    kind = "objects"

    def handles(self, value: Any) -> bool:
        return type(value) is np.ndarray and value.dtype == object

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        items = [encoder.encode(item, f"{where}[{i}]") for i, item in enumerate(value.ravel())]
        return {"shape": list(value.shape), "items": items}

    def decode(self, node: dict[str, Any], decoder: Decoder) -> np.ndarray:
        items = [decoder.decode(item) for item in node["items"]]
        array = np.empty(len(items), dtype=object)
        for position, item in enumerate(items):  # an assignment of all would unpack lists
            array[position] = item
        return array.reshape(node["shape"])


class RandomStateCodec:
    """Random states of NumPy with its default generator, MT19937."""

    kind = "random_state"

    def handles(self, value: Any) -> bool:
        return type(value) is np.random.RandomState and value.get_state(legacy=False)["bit_generator"] == "MT19937"

    def encode(self, value: Any, where: str, encoder: Encoder) -> dict[str, Any]:
        state = value.get_state(legacy=False)
        return {
            "key": encoder.add_array(state["state"]["key"], f"{where}.key"),
            "position": int(state["state"]["pos"]),
            "has_gauss": int(state["has_gauss"]),
            "gauss": float(state["gauss"]),
        }

    def decode(self, node: dict[str, Any], decoder: Decoder) -> np.random.RandomState:
        key, position = decoder.container.array(node["key"], whole=True), node["position"]
        # NumPy does not check the position, and would read memory behind the key.
        if key.shape != (624,) or key.dtype != np.uint32 or type(position) is not int or not 0 <= position <= 624:
            raise ModelFileError("a random state is damaged")
        state = np.random.RandomState(0)
        state.set_state(("MT19937", key, position, node["has_gauss"], node["gauss"]))
        return state


VALUE_CODECS = (
    NonFiniteCodec(),
    SequenceCodec(list),
    SequenceCodec(tuple),
    DictCodec(),
    ScalarCodec(),
    ArrayCodec(),
    TextsCodec(),
    ObjectsCodec(),
    RandomStateCodec(),
)
