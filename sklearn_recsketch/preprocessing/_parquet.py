"""Read interactions from Parquet files, either all at once or in batches."""

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
    """Interactions that are stored in one or more Parquet files.

    An instance can be passed as X to `fit`, `partial_fit`, `predict` and `score` of all recommenders, as a `history`,
    and to functions such as :func:`~sklearn_recsketch.metrics.ranking_report` and
    :func:`~sklearn_recsketch.preprocessing.to_matrix`. The files are read each time such a method or function is
    called. The ids are encoded as integers in a single pass over the files, which takes 8 bytes per row. The original
    rows are never all in memory at the same time.

    Hyperparameter searches and splitters raise an error if X is an instance of this class, because its rows cannot be
    selected. Split the data into a training set and a test set before writing them to files.

    Parameters
    ----------
    path : path or list of paths
        Path of a file, path of a folder of part files such as Spark and Dask write, or list of file paths. In folders,
        files whose names begin with ``_`` or ``.`` are ignored.
    user, item : str, default="user", "item"
        Names of the columns that contain the user ids and the item ids. Ids must be integers or strings.
    weight : str, default=None
        Name of the column that contains non-negative training weights. It corresponds to the third column of a table of
        interactions. If None, all weights are 1. Metrics ignore weights, and therefore treat rows with weight 0 as
        relevant.
    batch_size : int, default=1_000_000
        Maximum number of rows in each frame that `batches` yields.

    Raises
    ------
    ImportError
        If pyarrow is not installed. It can be installed with the "parquet" extra of this package.
    ValueError, TypeError
        If the files do not contain valid interactions. The error is raised when the files are read. The message names
        the file and the row.

    Notes
    -----
    While the files are read, each row takes 4 bytes for its user and 4 bytes for its item. Its weight takes 4 bytes if
    float32 represents all weights exactly, and 8 bytes otherwise. The distinct ids and about 50 MB of buffers are also
    in memory. ``fit`` then builds a matrix, which takes 8 bytes per distinct pair, before this memory is freed. Both
    ids of each row are looked up once in a hash table.

    The frames that `batches` yields are meant for ``partial_fit``. Write the rows to the files in random order
    before you use ``partial_fit``, because a batch with few users contains little information about items.

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
        """Iterate over frames with the columns user, item and, if `weight` is not None, weight.

        Yields
        ------
        DataFrame
            Frame with at most `batch_size` rows from a single file. Each frame is read on demand.
        """
        refuse_other_weight(self.weight)
        for place, batch in self._files().batches(self._columns, self.batch_size):
            # Check the rows before partial_fit does, so that error messages name the row in the file.
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
        # np.empty is not used, because a batch that needs float64 casts all rows, including rows that are not read yet.
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
