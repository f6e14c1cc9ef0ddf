"""The file format: a ZIP file with arrays, and with a JSON document that describes the model."""

from __future__ import annotations

import hashlib
import json
import mmap
import zlib
from collections.abc import Mapping
from platform import python_version
from typing import Any, BinaryIO

import numpy as np

from sklearn_recsketch._persistence.array_members import ArraySpec, array_chunks, check_crc, map_array, read_array
from sklearn_recsketch._persistence.zip_members import MemberWriter, read_directory
from sklearn_recsketch.exceptions import ModelFileError
from sklearn_recsketch.utils._show_versions import installed_version

__all__ = ["FORMAT", "ModelContainer", "write_container"]

FORMAT = 1
DOCUMENT = "model.json"
# Mapped arrays up to this size are verified. Larger ones are not, because this would read the whole file.
VERIFIED_BYTES = 2**20
PACKAGES = ("sklearn-recsketch", "scikit-learn", "numpy", "scipy")


def write_container(file: BinaryIO, model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the description of a model and its arrays.

    Parameters
    ----------
    file : file opened for writing in binary mode
    model : JSON value
        Description of the model.
    arrays : mapping of str to ndarray
        Contents of the members. They are written without copying them.
    """
    writer = MemberWriter(file)
    entries = {}
    for name, array in arrays.items():
        crc = writer.add(name, array_chunks(array))
        entries[name] = ArraySpec.of(array).to_json() | {"crc32": crc}
    versions = {name: installed_version(name) for name in PACKAGES} | {"python": python_version()}
    document = {"format": FORMAT, "written_by": versions, "arrays": entries, "model": model}
    document = {"sha256": _digest(document)} | document
    writer.add(DOCUMENT, [json.dumps(document, allow_nan=False).encode()])
    writer.close()


class ModelContainer:
    """Read the description of a model, and its arrays when they are requested.

    Parameters
    ----------
    file : file opened for reading in binary mode
    size : int
        Size of the file in bytes.
    mapped : bool
        Whether arrays are mapped into memory instead of being read.

    Raises
    ------
    ModelFileError
        If the file is damaged, if it is no model file, or if a newer version wrote it.
    """

    def __init__(self, file: BinaryIO, size: int, mapped: bool) -> None:
        self._file = file
        self._members = read_directory(file, size)
        document = self._read_document()
        self.model = document["model"]
        self._specs = {name: ArraySpec.from_json(entry) for name, entry in document["arrays"].items()}
        odd = self._specs.keys() ^ (self._members.keys() - {DOCUMENT})
        if odd:
            raise ModelFileError(f"{DOCUMENT} and the members of the file differ (first: {min(odd)!r})")
        for name, entry in document["arrays"].items():
            check_crc(name, entry["crc32"], self._members[name])
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped else None
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, whole: bool = False) -> np.ndarray:
        """Return an array. If it is requested again, return a view of the same memory.

        If `whole` is True, the array is read and verified even if other arrays are mapped.
        """
        if name in self._arrays:
            return self._arrays[name].view()
        member, spec = self._members[name], self._specs[name]
        if self._map is None or whole:
            array = read_array(self._file, name, member, spec)
        else:
            array = map_array(self._file, self._map, name, member, spec, verify=not self.is_unverified(spec))
        self._arrays[name] = array
        return array

    def is_unverified(self, array: np.ndarray | ArraySpec) -> bool:
        """Return whether an array, or an array with this specification, is mapped and too large to be verified."""
        return self._map is not None and array.nbytes > VERIFIED_BYTES

    def _read_document(self) -> Any:
        """Read the JSON document, and check its checksums and its format."""
        if DOCUMENT not in self._members:
            raise ModelFileError(f"it was not written by save_model: it has no member {DOCUMENT!r}")
        member = self._members[DOCUMENT]
        self._file.seek(member.offset)
        text = self._file.read(member.size)
        check_crc(DOCUMENT, zlib.crc32(text), member)
        try:
            document = json.loads(text)
            digest, found, writer = document.pop("sha256"), document["format"], document["written_by"]
        except Exception as error:
            raise ModelFileError(f"{DOCUMENT} is not the description of a model ({error})") from error
        if type(found) is int and found > FORMAT:
            raise ModelFileError(
                f"sklearn-recsketch {writer['sklearn-recsketch']} wrote it in format {found}, but the installed "
                f"version {installed_version('sklearn-recsketch')} only reads formats up to {FORMAT}. Upgrade it: "
                f"pip install --upgrade sklearn-recsketch"
            )
        if found != FORMAT or type(found) is not int:
            raise ModelFileError(f"{DOCUMENT} has the unknown format {found!r}")
        if digest != _digest(document):
            raise ModelFileError(f"{DOCUMENT} has changed since it was written: its SHA-256 differs")
        return document


def _digest(document: dict[str, Any]) -> str:
    """Compute the SHA-256 of a JSON document, which does not depend on its white space."""
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()
