"""Interactions in Parquet files, read in one pass or in batches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.id_stream import stream_of
from sklearn_recsketch._data.interactions import Interactions, InteractionSource
from sklearn_recsketch._data.parquet_columns import ids_of, refuse_other_weight, strengths_of
from sklearn_recsketch._data.parquet_files import ParquetFiles
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["ParquetInteractions"]

READ_ROWS = 131_072  # number of rows decoded at once in a pass over a file


@dataclass(frozen=True, repr=False)
class ParquetInteractions(InteractionSource):
    """Interactions in a Parquet file, or in a folder of part files.

    It can be passed as X to `fit`, `partial_fit`, `predict` and `score` of all recommenders, as a `history`, and to
    functions such as :func:`~sklearn_recsketch.metrics.ranking_report` and
    :func:`~sklearn_recsketch.preprocessing.to_matrix`, which then read the files. One pass encodes the ids as integers,
    so that 8 bytes per row are stored, and the rows themselves are never in memory all at once.

    Searches and splitters raise an error, because they select rows, and this class has no length and no rows. Split
    the data before writing them.

    Parameters
    ----------
    path : path or list of paths
        A file, a list of files, or a folder of part files as written by Spark and Dask. In folders,
        files whose names begin with ``_`` or ``.`` are ignored.
    user, item : str, default="user", "item"
        Names of the columns of user and item ids, which must be integers or strings.
    weight : str, default=None
        Name of a column of non-negative training weights, like the third column of a table. If None, all weights are 1.
        Metrics ignore weights, so that rows of weight 0 are relevant.
    batch_size : int, default=1_000_000
        Maximum number of rows of each frame that `batches` yields.

    Raises
    ------
    ImportError
        If pyarrow (the extra "parquet") is not installed.
    ValueError, TypeError
        If the files break a rule for tables of interactions, when they are read. The message names the file and row.

    Notes
    -----
    A pass looks up each id in a hash table once. It needs 4 bytes per row for users and for items each, 4 bytes per row
    for weights (8 if float32 does not represent them exactly), the memory of the distinct ids, and about 50 MB of
    buffers. ``fit`` then builds a matrix of 8 bytes per distinct pair before it frees this memory.

    The frames of `batches` are meant for ``partial_fit``. For this use, write the rows in random order: little can be
    learned about items from a batch with few users.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas as pd
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.preprocessing import ParquetInteractions
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "likes.parquet"
    >>> pd.DataFrame({"uid": ["ann", "ann", "bob", "eve"], "mid": [7, 9, 9, 7]}).to_parquet(path)
    >>> likes = ParquetInteractions(path, user="uid", item="mid", batch_size=3)
    >>> rec = WRMFRecommender(2, random_state=0).fit(likes)
    >>> rec.users_, rec.items_
    (array(['ann', 'bob', 'eve'], dtype=object), array([7, 9]))
    >>> [len(part) for part in likes.batches()]
    [3, 1]
    """

    path: Any
    _: KW_ONLY
    user: str = "user"
    item: str = "item"
    weight: str | None = None
    batch_size: int = 1_000_000

    def __post_init__(self) -> None:
        paths = list(self.path) if isinstance(self.path, list | tuple) else [self.path]
        if not paths or not all(isinstance(path, str | os.PathLike) for path in paths):
            raise TypeError(f"path must be a file, a folder or a list of files, got {self.path!r}.")
        for name, column in (("user", self.user), ("item", self.item), ("weight", self.weight)):
            if not isinstance(column, str) and not (name == "weight" and column is None):
                raise TypeError(f"{name} must be the name of a column, got {column!r}.")
        if len(set(self._columns)) < len(self._columns):
            raise ValueError(f"user, item and weight must be different columns, got {self._columns}.")
        check_integer(self.batch_size, "batch_size")

    def __repr__(self) -> str:
        shown = [repr(self.path if isinstance(self.path, list | tuple) else os.fspath(self.path))]
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default:
                shown.append(f"{field.name}={value!r}")
        return f"ParquetInteractions({', '.join(shown)})"

    def batches(self) -> Iterator[pd.DataFrame]:
        """Iterate over the rows in frames with the columns user, item and, if there is one, weight.

        Yields
        ------
        DataFrame
            At most `batch_size` rows of one file. Each frame is read when it is requested.
        """
        refuse_other_weight(self.weight)
        for place, batch in self._files().batches(self._columns, self.batch_size):
            # Raise the errors of partial_fit here, with the rows of the files.
            for name, column in self._id_columns.items():
                ids_of(batch.column(column), name, place)
            if self.weight is not None:
                strengths_of(batch.column(self.weight), self.weight, place)
            names = ["user", "item", "weight"][: len(self._columns)]
            yield batch.select(self._columns).rename_columns(names).to_pandas(ignore_metadata=True)

    @property
    def _id_columns(self) -> dict[str, str]:
        return {"user": self.user, "item": self.item}

    @property
    def _columns(self) -> list[str]:
        return [self.user, self.item, *([] if self.weight is None else [self.weight])]

    def _files(self) -> ParquetFiles:
        return ParquetFiles.find(self.path, self._id_columns, self._columns)

    def _read(self, weighted: bool) -> Interactions:
        if not weighted and self.weight is not None:
            return replace(self, weight=None)._read(weighted)
        refuse_other_weight(self.weight)
        files = self._files()
        n_rows = files.n_rows
        streams = {name: stream_of(kind, n_rows) for name, kind in files.kinds.items()}
        # Zeros instead of empty: a batch that needs float64 casts all rows, including those not read yet.
        weights = np.zeros(0 if self.weight is None else n_rows, dtype=np.float32)
        n_read = 0
        for place, batch in files.batches(self._columns, READ_ROWS):
            for name, column in self._id_columns.items():
                streams[name].add(ids_of(batch.column(column), name, place))
            if self.weight is not None:
                part = strengths_of(batch.column(self.weight), self.weight, place)
                weights = weights.astype(np.promote_types(weights.dtype, part.dtype), copy=False)
                weights[n_read : n_read + len(part)] = part
            n_read += batch.num_rows
        return Interactions(
            users=streams["user"].column(),
            items=streams["item"].column(),
            y=np.broadcast_to(1.0, n_rows),
            weight=None if self.weight is None else weights,
            library="pandas",
            names=self._columns,
        )
