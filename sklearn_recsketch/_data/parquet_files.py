"""Find Parquet files, check their schemas, and read the files in batches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sklearn_recsketch._data.parquet_columns import Place, check_columns, import_pyarrow, kind_of

__all__ = ["ParquetFiles"]

# By default, pyarrow keeps all bytes of a file in memory. Without pre_buffer, it keeps the bytes of one row group.
STREAMING = {"pre_buffer": False, "buffer_size": 2**20}


class ParquetFiles(NamedTuple):
    """Parquet files that contain the requested columns.

    Attributes
    ----------
    names : list of str
    filesystem : pyarrow.fs.FileSystem
    metadata : list of pyarrow.parquet.FileMetaData
    kinds : dict of str
        Kind of ids in all files, "integers" or "strings", for each of the keys "user" and "item".
    """

    names: list[str]
    filesystem: Any
    metadata: list[Any]
    kinds: dict[str, str]

    @classmethod
    def find(cls, path: Any, ids: dict[str, str], columns: list[str]) -> ParquetFiles:
        """Find the Parquet files at one or more paths, and check their schemas.

        Parameters
        ----------
        path : path or list of paths
        ids : dict of str
            Name of the id column for each of the keys "user" and "item".
        columns : list of str
            Names of all columns to read, including the id columns.

        Raises
        ------
        ValueError
            If a column is missing from a file, if ids are integers in one file and strings in another, or if the files
            contain no rows.
        """
        pa = import_pyarrow()
        paths = [os.fspath(one) for one in path] if isinstance(path, list | tuple) else os.fspath(path)
        with _named(path):
            dataset = pa.dataset.dataset(paths, format="parquet")
        found: dict[str, dict[str, str]] = {name: {} for name in ids}  # the first file of each kind
        metadata = []
        for file in dataset.files:
            with _named(file), pa.parquet.ParquetFile(file, filesystem=dataset.filesystem) as parquet:
                _check_row_counts(parquet.metadata, file)
                check_columns(parquet.schema_arrow, columns, file)
                for name, column in ids.items():
                    found[name].setdefault(kind_of(parquet.schema_arrow.field(column), name, file), file)
                metadata.append(parquet.metadata)
        for name, kinds in found.items():
            if len(kinds) > 1:
                (kind, file), (other, other_file) = kinds.items()
                raise ValueError(
                    f"The {name} ids are {kind} in {file}, but {other} in {other_file}. Write all files with one type."
                )
        if not sum(one.num_rows for one in metadata):
            raise ValueError(
                f"{path} is empty: {len(metadata)} file(s) with 0 rows, where at least 1 is required. Each row is one "
                f"interaction of a user with an item."
            )
        return cls(dataset.files, dataset.filesystem, metadata, {name: next(iter(found[name])) for name in ids})

    @property
    def n_rows(self) -> int:
        """Total number of rows in all files."""
        return int(sum(one.num_rows for one in self.metadata))

    def batches(self, columns: list[str], n_rows: int) -> Iterator[tuple[Place, Any]]:
        """Iterate over record batches of at most `n_rows` rows, each with its position in its file."""
        open_file = import_pyarrow().parquet.ParquetFile
        for file, metadata in zip(self.names, self.metadata, strict=True):
            with (
                _named(file),
                open_file(file, filesystem=self.filesystem, metadata=metadata, **STREAMING) as parquet,
            ):
                first_row = 0
                for batch in parquet.iter_batches(n_rows, columns=columns):
                    yield Place(file, first_row), batch
                    first_row += batch.num_rows
            if first_row != metadata.num_rows:
                raise ValueError(
                    f"{file} has {metadata.num_rows} rows according to its metadata, but {first_row} rows of data. It "
                    f"may be damaged or incomplete: write it again."
                )


@contextmanager
def _named(file: Any) -> Iterator[None]:
    """Raise a ValueError that names the file if pyarrow cannot read it."""
    try:
        yield
    except (import_pyarrow().ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileNotFoundError) or getattr(error, "errno", None) is not None:
            raise  # the file may be whole
        raise ValueError(
            f"{file} cannot be read as Parquet: {' '.join(str(error).split())} It may be damaged or incomplete: write "
            f"it again."
        ) from error


def _check_row_counts(metadata: Any, file: str) -> None:
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if min(counts, default=0) < 0 or sum(counts) != metadata.num_rows:
        raise ValueError(
            f"{file} has {metadata.num_rows} rows according to its metadata, but its row groups have {counts} rows. It "
            f"may be damaged: write it again."
        )
