"""The Parquet files of a path: found, looked over, and read batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from sklearn_recsketch._data.parquet_columns import Place, check_columns, import_pyarrow, kind_of

__all__ = ["ParquetFiles"]

# By default pyarrow holds on to all bytes of a file that it has read, and else to those of a row group.
STREAMING = {"pre_buffer": False, "buffer_size": 2**20}


class ParquetFiles(NamedTuple):
    """Files that have the columns asked for.

    Attributes
    ----------
    names : list of str
    filesystem : pyarrow.fs.FileSystem
    metadata : list of pyarrow.parquet.FileMetaData
    kinds : dict of str
        Of "user" and "item": whether ids are "integers" or "strings", the same in all files.
    """

    names: list[str]
    filesystem: Any
    metadata: list[Any]
    kinds: dict[str, str]

    @classmethod
    def find(cls, path: Any, ids: dict[str, str], columns: list[str]) -> ParquetFiles:
        """Files of a path, or of a list of them; raises where one lacks columns or has ids of another kind.

        `ids` names the columns of "user" and "item", which are among the `columns`.
        """
        pa = import_pyarrow()
        paths = [os.fspath(one) for one in path] if isinstance(path, list | tuple) else os.fspath(path)
        dataset = pa.dataset.dataset(paths, format="parquet")
        found: dict[str, dict[str, str]] = {name: {} for name in ids}  # kind: the first file that has it
        metadata = []
        for file in dataset.files:
            with pa.parquet.ParquetFile(file, filesystem=dataset.filesystem) as parquet:
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
                f"{path} is empty: {len(metadata)} file(s) with 0 rows, where at least 1 is required. Each row is an "
                f"interaction of a user with an item."
            )
        return cls(dataset.files, dataset.filesystem, metadata, {name: next(iter(found[name])) for name in ids})

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return int(sum(one.num_rows for one in self.metadata))

    def batches(self, columns: list[str], n_rows: int) -> Iterator[tuple[Place, Any]]:
        """At most `n_rows` rows at a time, as pyarrow's record batches, and where they are from."""
        open_file = import_pyarrow().parquet.ParquetFile
        for file, metadata in zip(self.names, self.metadata, strict=True):
            with open_file(file, filesystem=self.filesystem, metadata=metadata, **STREAMING) as parquet:
                first_row = 0
                for batch in parquet.iter_batches(n_rows, columns=columns):
                    yield Place(file, first_row), batch
                    first_row += batch.num_rows
