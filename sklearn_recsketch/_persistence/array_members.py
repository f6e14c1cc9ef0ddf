"""Arrays as members of a ZIP file, in the .npy format of NumPy."""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from sklearn_recsketch._persistence.zip_members import ALIGNMENT, Member
from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["ArraySpec", "array_chunks", "check_crc", "map_array", "read_array", "storable_dtype"]

CHUNK = 2**22  # bytes that are read or copied at once
DTYPE = re.compile(r"[<>|][biufcmMSU][0-9]{1,9}(\[[0-9]{0,9}[A-Za-z]{1,2}\])?")


def storable_dtype(dtype: np.dtype[Any]) -> bool:
    """Return whether arrays of this dtype are stored as they are in memory, without Python objects."""
    return dtype.itemsize > 0 and DTYPE.fullmatch(dtype.str) is not None


class ArraySpec(NamedTuple):
    """Dtype, shape and memory order of an array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str

    @classmethod
    def of(cls, array: np.ndarray) -> ArraySpec:
        """Describe an array. An array that is not contiguous is stored in C order."""
        in_columns = array.flags.f_contiguous and not array.flags.c_contiguous
        return cls(array.dtype, array.shape, "F" if in_columns else "C")

    @classmethod
    def from_json(cls, entry: Any) -> ArraySpec:
        """Read the description of an array, as `to_json` returns it."""
        dtype, shape, order = entry["dtype"], entry["shape"], entry["order"]
        if not DTYPE.fullmatch(dtype) or order not in ("C", "F"):
            raise ModelFileError(f"an array has the dtype {dtype!r} and the order {order!r}, which are not supported")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise ModelFileError(f"an array has the shape {shape}")
        return cls(np.dtype(dtype), tuple(shape), order)

    def to_json(self) -> dict[str, Any]:
        """Return a description that can be written as JSON."""
        return {"dtype": self.dtype.str, "shape": list(self.shape), "order": self.order}

    @property
    def nbytes(self) -> int:
        """Size of the data in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def array_chunks(array: np.ndarray) -> Iterator[Any]:
    """Return the contents of a .npy file in chunks, without a copy of the whole array."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    rows = array.T if ArraySpec.of(array).order == "F" else array
    if rows.flags.c_contiguous:
        data = rows.reshape(-1).view(np.uint8)
        for start in range(0, len(data), CHUNK):
            yield data[start : start + CHUNK].data
        return
    step = max(1, CHUNK * len(rows) // max(array.nbytes, 1))
    for start in range(0, len(rows), step):
        yield np.ascontiguousarray(rows[start : start + step]).reshape(-1).view(np.uint8).data


def read_array(file: BinaryIO, name: str, member: Member, spec: ArraySpec) -> np.ndarray:
    """Read an array, and check its CRC-32."""
    header = _read_header(file, name, member, spec)
    array = np.empty(spec.shape, spec.dtype, order="F" if spec.order == "F" else "C")
    data = (array.T if spec.order == "F" else array).reshape(-1).view(np.uint8)
    crc = zlib.crc32(header)
    for start in range(0, len(data), CHUNK):
        part = data[start : start + CHUNK].data
        if file.readinto(part) != len(part):  # type: ignore[attr-defined]
            raise ModelFileError(f"the array {name!r} is truncated")
        crc = zlib.crc32(part, crc)
    check_crc(name, crc, member)
    return array


def map_array(file: BinaryIO, mapped: Any, name: str, member: Member, spec: ArraySpec, verify: bool) -> np.ndarray:
    """Return a read-only array whose data stay in the file. If `verify` is True, read the data to check the CRC-32."""
    header = _read_header(file, name, member, spec)
    offset = member.offset + len(header)
    if offset % ALIGNMENT:
        raise ModelFileError(f"the array {name!r} is not aligned to {ALIGNMENT} bytes")
    if verify:
        with memoryview(mapped) as view:
            check_crc(name, zlib.crc32(view[member.offset : member.offset + member.size]), member)
    return np.ndarray(spec.shape, spec.dtype, mapped, offset, order="F" if spec.order == "F" else "C")


def check_crc(name: str, crc: int, member: Member) -> None:
    """Compare the CRC-32 of a member to the one that was computed when the member was written."""
    if crc != member.crc:
        raise ModelFileError(f"the contents of {name!r} have changed since they were written: their CRC-32 differs")


def _read_header(file: BinaryIO, name: str, member: Member, spec: ArraySpec) -> bytes:
    """Read the .npy header of an array, and check that it says the same as `spec`."""
    length = member.size - spec.nbytes
    if not 0 < length < 2**16:
        raise ModelFileError(f"the array {name!r} does not have the size that its shape {spec.shape} requires")
    file.seek(member.offset)
    header = file.read(length)
    stream = io.BytesIO(header)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("another version of the .npy format")
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy parses the header as a Python literal, which raises errors of many types
        raise ModelFileError(f"the .npy header of the array {name!r} is damaged ({error})") from error
    if (dtype, shape, "F" if in_columns else "C", stream.tell()) != (*spec, length):
        raise ModelFileError(f"the .npy header of the array {name!r} disagrees with model.json")
    return header
