"""Save an index to a folder, and load it by mapping its arrays into memory."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.serving._contents import Contents

__all__ = ["load_contents", "new_folder", "save_contents"]

FORMAT = 1
HEADER = "index.json"
READ_BYTES = 2**20
DAMAGED = "is damaged: it differs from the file that was saved. Save the index again, or copy the folder again."


def new_folder(folder: Any) -> Path:
    """Create a folder if it does not exist, and raise a FileExistsError if it is not empty."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{str(folder)!r} is not empty. Save each index to its own folder.")
    return folder


def save_contents(contents: Contents, folder: Path, header: dict[str, Any]) -> None:
    """Write the contents of an index to files.

    The header is written last. If it exists, the index is complete. It contains the checksums of all files.
    """
    arrays = {"vectors": contents.vectors}
    ids = {"ids": contents.ids}
    if contents.metric == "dot":
        arrays["queries"], ids["query_ids"] = contents.queries, contents.query_ids
    if contents.seen is not None:
        arrays |= {"seen_indptr": contents.seen.indptr, "seen_indices": contents.seen.indices}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    for name, values in ids.items():
        # In a .npy file, each string would take as much space as the longest string.
        (folder / f"{name}.json").write_text(json.dumps(values.tolist()))
    header = header | {"of": contents.of, "metric": contents.metric, "library": contents.library, "format": FORMAT}
    header["checksums"] = {path.name: _checksum(path) for path in sorted(folder.iterdir())}
    header["checksum"] = _header_checksum(header)
    (folder / HEADER).write_text(json.dumps(header, indent=1))


def load_contents(folder: Path) -> tuple[Contents, dict[str, Any]]:
    """Load the contents of a saved index. Also return the header entries that are not part of the contents.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, or differs from the saved file.
    """
    header = _header(folder)
    for name, checksum in header.pop("checksums").items():
        if _checksum(folder / name) != checksum:
            raise ValueError(f"{str(folder / name)!r} {DAMAGED}")
    of, metric, library = (header.pop(name) for name in ("of", "metric", "library"))
    ids, vectors = _ids(folder, "ids"), _mapped(folder, "vectors")
    if metric == "cosine":
        return Contents(of, metric, ids, vectors, ids, vectors, None, library), header
    query_ids, queries, seen = _ids(folder, "query_ids"), _mapped(folder, "queries"), None
    if of == "items":
        indptr, indices = _mapped(folder, "seen_indptr"), _mapped(folder, "seen_indices")
        shape = (len(query_ids), len(ids))
        seen = sp.csr_array((np.ones(len(indices), bool), indices, indptr), shape=shape)
    return Contents(of, metric, ids, vectors, query_ids, queries, seen, library), header


def _header(folder: Path) -> dict[str, Any]:
    """Read the header, and check its format and its own checksum."""
    path = folder / HEADER
    if not path.exists():
        raise FileNotFoundError(f"{str(folder)!r} does not contain an index: the file {HEADER} is missing.")
    try:
        header = json.loads(path.read_text())
        written = header["format"]
        checksum = header.pop("checksum", None)
        whole = written != FORMAT or checksum == _header_checksum(header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError(f"{str(path)!r} {DAMAGED}")
    if header.pop("format") != FORMAT:
        raise ValueError(
            f"{str(path)!r} was written in the format of another version; this version reads format {FORMAT}."
        )
    return dict(header)


def _header_checksum(header: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(header, sort_keys=True).encode())


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(READ_BYTES):
            checksum = zlib.crc32(part, checksum)
    return checksum


def _mapped(folder: Path, name: str) -> np.ndarray:
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))


def _ids(folder: Path, name: str) -> np.ndarray:
    values = json.loads((folder / f"{name}.json").read_text())
    return np.array(values, dtype=object if isinstance(values[0], str) else np.int64)
