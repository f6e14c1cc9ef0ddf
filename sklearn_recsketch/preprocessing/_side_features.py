"""Features of users or items, keyed by id."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.feature_columns import (
    as_id_column,
    as_values,
    column_named,
    feature_columns,
    first_column,
)
from sklearn_recsketch._data.feature_values import (
    FeatureValues,
    concatenate_values,
    plain_text,
    read_feature_values,
    refuse_missing,
)
from sklearn_recsketch._data.ids import check_same_kind, encode_ids, find_positions, inverse_permutation, show_id, union

__all__ = ["SideFeatures", "check_side_features"]


class SideFeatures:
    """Features of users or items, one set per id: immutable, sparse, never sliced.

    Build one with :meth:`from_dicts`, :meth:`from_frame` or :meth:`from_long`. A text value is a
    category (a column per key and value), a number is a measurement (a column per key), a list of
    texts is several categories. An empty text, or a missing one in a list, is not a feature.

    The container deliberately has no length, shape or array interface: scikit-learn slices every
    fit parameter that is as long as X, and a table of item features happens to be so sooner or
    later.

    Attributes
    ----------
    ids : ndarray of shape (n_ids,)
        Ids, sorted, as integers or strings.
    keys, values : ndarray of shape (n_columns,), dtype object
        What each column stands for; the value of a measurement is None.
    matrix : csr_array of shape (n_ids, n_columns), dtype float32 or float64
        1 for a category present, the number for a measurement, 0 included. In float64 if there are numbers that
        float32 would round.

    Examples
    --------
    >>> from sklearn_recsketch import SideFeatures
    >>> features = SideFeatures.from_dicts({"m1": {"tag": ["vr", "art"], "faces": 120.0},
    ...                                     "m2": {"tag": "art"}})
    >>> features
    SideFeatures(2 ids, 3 columns, 4 values)
    >>> features.feature_names().tolist()
    ['faces', 'tag=art', 'tag=vr']
    """

    __slots__ = ("ids", "keys", "matrix", "values")

    ids: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    matrix: sp.csr_array

    def __init__(self, ids: np.ndarray, keys: np.ndarray, values: np.ndarray, matrix: sp.csr_array) -> None:
        # Views and copies: what the caller passed stays writable.
        arrays = (matrix.data.view(), matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
        ids, keys, values = ids.view(), keys.view(), values.view()
        for array in (ids, keys, values, *arrays):
            array.setflags(write=False)
        frozen = sp.csr_array(arrays, shape=matrix.shape)
        for name, value in (("ids", ids), ("keys", keys), ("values", values), ("matrix", frozen)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("SideFeatures is immutable: build a new one.")

    def __reduce__(self) -> tuple[Any, ...]:
        return (SideFeatures, (self.ids, self.keys, self.values, self.matrix))

    def __copy__(self) -> SideFeatures:
        return self

    def __deepcopy__(self, memo: Any) -> SideFeatures:
        return self

    def __repr__(self) -> str:
        n_ids, n_columns = self.matrix.shape
        return f"SideFeatures({n_ids} ids, {n_columns} columns, {self.matrix.nnz} values)"

    @classmethod
    def from_dicts(cls, features: Mapping[Any, Mapping[str, Any]], *, lowercase: bool = False) -> SideFeatures:
        """Features from a mapping of id to a mapping of key to value.

        Parameters
        ----------
        features : mapping of id to mapping of str to str, number or list of str
            What :class:`~sklearn.feature_extraction.DictVectorizer` takes, by id.
        lowercase : bool, default=False
            Lower-case text values, so that "VR" and "vr" are one.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            Naming the id and key of a value that is no text, finite number or list of texts.
        """
        if not isinstance(features, Mapping):
            raise TypeError(
                f"SideFeatures.from_dicts expects a mapping of id to features, got {type(features).__name__}. "
                f"{_remedy(features)}"
            )
        if not features:
            raise ValueError("The features are empty: SideFeatures needs at least one id.")
        ids = encode_ids(np.fromiter(features, dtype=object, count=len(features)), "feature")
        owners, keys, values = [], [], []
        for row, (id_, own) in enumerate(features.items()):
            for key, cell in _checked_row(id_, own).items():
                owners.append(row)
                keys.append(key)
                values.append(cell)

        def show(place: int) -> str:
            return f"The value of {keys[place]!r} for id {show_id(ids.ids[ids.codes[owners[place]]])}"

        column = pd.Series(values, dtype=object)
        refuse_missing(column.to_numpy(), show)
        cells = read_feature_values(column, show, lowercase)
        key_codes, distinct = pd.factorize(np.array(keys, dtype=object))
        rows = ids.codes[np.array(owners, dtype=np.intp)[cells.rows]]
        return cls._assembled(ids.ids, list(distinct), rows, key_codes[cells.rows], cells)

    @classmethod
    def from_frame(cls, df: Any, *, id: str | None = None, lowercase: bool = False) -> SideFeatures:
        """Features from a frame with one row per id and one column per key.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            Text and categorical columns become categories, numeric columns measurements, lists of
            texts several categories. A missing cell is a feature the id does not have. An index of pandas that
            has a name counts as the first column.
        id : str, default=None
            Column of the ids; None is the first column.
        lowercase : bool, default=False
            Lower-case text values.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            For repeated ids and repeated names of columns, naming the first, and for values that are neither texts,
            finite numbers nor lists of texts, naming column, id and row.
        """
        columns = feature_columns(df, "from_frame")
        id = first_column(df, columns) if id is None else column_named(columns, id, "id")
        ids = encode_ids(as_id_column(columns.pop(id)), "feature")
        if len(ids.ids) < len(ids.codes):
            row = int(np.argmax(pd.Series(ids.codes).duplicated()))
            raise ValueError(
                f"The id {show_id(ids.ids[ids.codes[row]])} in row {row} has a row already: "
                f"from_frame takes one row per id. For one row per value write "
                f"SideFeatures.from_long(df, id=..., key=..., value=...)."
            )

        def show(key: str, row: int) -> str:
            return f"The value of {key!r} for id {show_id(ids.ids[ids.codes[row]])} in row {row}"

        parts = [
            read_feature_values(as_values(column), partial(show, key), lowercase) for key, column in columns.items()
        ]
        key_codes = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])
        cells = concatenate_values(parts)
        return cls._assembled(ids.ids, list(columns), ids.codes[cells.rows], key_codes, cells)

    @classmethod
    def from_long(
        cls, df: Any, *, id: str, key: str = "type", value: str = "value", lowercase: bool = False
    ) -> SideFeatures:
        """Features from a frame with one row per id, key and value.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            One row per feature of an id; a list of texts is several.
        id, key, value : str
            Names of the columns. A text in `value` is a category, a number a measurement.
        lowercase : bool, default=False
            Lower-case text values.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            For a missing cell, a measurement given twice or a value of another kind, naming the row.
        """
        columns = feature_columns(df, "from_long")
        wanted = {"id": id, "key": key, "value": value}
        of_ids, of_keys, of_values = (columns[column_named(columns, name, role)] for role, name in wanted.items())
        ids, keys = encode_ids(as_id_column(of_ids), "feature"), encode_ids(as_id_column(of_keys), "key")
        column = as_values(of_values)
        missing = np.asarray(pd.isna(column))
        if missing.any():
            raise ValueError(
                f"The value in row {int(np.argmax(missing))} is missing. Drop such rows, for example with df.dropna()."
            )

        names = [str(name) for name in keys.ids]

        def show(row: int) -> str:
            return f"The value of {names[keys.codes[row]]!r} for id {show_id(ids.ids[ids.codes[row]])} in row {row}"

        cells = read_feature_values(column, show, lowercase)
        number = cells.codes < 0
        measured = pd.DataFrame({"id": ids.codes[cells.rows[number]], "key": keys.codes[cells.rows[number]]})
        repeated = measured.duplicated().to_numpy()
        if repeated.any():
            row = int(cells.rows[number][np.argmax(repeated)])
            raise ValueError(
                f"Row {row} gives {names[keys.codes[row]]!r} of id {show_id(ids.ids[ids.codes[row]])} "
                f"a second number. Aggregate first: one number per id and key."
            )
        return cls._assembled(ids.ids, names, ids.codes[cells.rows], keys.codes[cells.rows], cells)

    @classmethod
    def _assembled(
        cls, ids: np.ndarray, keys: list[str], rows: np.ndarray, key_codes: np.ndarray, cells: FeatureValues
    ) -> SideFeatures:
        """Features from values, each with the row of its id and its key; a text said twice of an id counts once."""
        key_order, text_order = (np.argsort(np.array(names, dtype=object)) for names in (keys, cells.texts))
        places = np.append(
            inverse_permutation(text_order) + 1, 0
        )  # a measurement comes before the categories of its key
        pair = inverse_permutation(key_order)[key_codes] * np.int64(len(places)) + places[cells.codes]
        pairs, column = np.unique(pair, return_inverse=True)
        texts = np.array([None, *cells.texts[text_order]], dtype=object)
        values = texts[pairs % len(places)]
        matrix = sp.csr_array((cells.numbers, (rows, column)), shape=(len(ids), len(pairs)))
        categorical = np.array([value is not None for value in values], dtype=bool)
        matrix.data[categorical[matrix.indices]] = 1
        names = np.array(keys, dtype=object)[key_order]
        return cls(ids, names[pairs // len(places)], values, _narrowed(matrix))

    def feature_names(self, separator: str = "=") -> np.ndarray:
        """Names of the columns as DictVectorizer writes them: key, separator, value; a measurement's is its key."""
        pairs = zip(self.keys, self.values, strict=True)
        return np.array([str(k) if v is None else f"{k}{separator}{v}" for k, v in pairs], dtype=object)

    def align(self, ids: np.ndarray, name: str) -> SideFeatures:
        """The same features for exactly the sorted `ids`; an id without features gets an empty row."""
        check_same_kind(ids, self.ids, f"The {name} ids of X", f"those of {name}_features are")
        position = np.asarray(pd.Index(self.ids).get_indexer(pd.Index(ids)))
        known = position >= 0
        rows = np.flatnonzero(known)
        lengths = np.zeros(len(ids), dtype=np.int64)
        lengths[rows] = np.diff(self.matrix.indptr)[position[rows]]
        picked = self.matrix[position[rows]]  # unlike a product, this keeps measurements of 0
        matrix = (picked.data, picked.indices, np.concatenate([[0], np.cumsum(lengths)]))
        shape = (len(ids), len(self.keys))
        return SideFeatures(ids.copy(), self.keys, self.values, sp.csr_array(matrix, shape=shape))

    def updated(self, newer: SideFeatures, name: str) -> SideFeatures:
        """These features with the rows of `newer` added; an id in both has the newer row alone."""
        check_same_kind(newer.ids, self.ids, f"The {name} ids of the new features", "those of the old ones are")
        ids = union(self.ids, newer.ids, name)
        # Columns are matched by key and value; a measurement comes before the categories of its key.
        columns = [list(zip(part.keys, part.values, strict=True)) for part in (self, newer)]
        pairs = sorted({*columns[0], *columns[1]}, key=lambda pair: (pair[0], pair[1] is not None, pair[1] or ""))
        place = {pair: position for position, pair in enumerate(pairs)}
        stays = find_positions(self.ids, newer.ids, name) < 0
        entries = []
        for part, own, rows in ((self, columns[0], stays), (newer, columns[1], np.ones(len(newer.ids), dtype=bool))):
            coo = part.matrix.tocoo()
            kept = rows[coo.row]
            moved = np.array([place[pair] for pair in own], dtype=np.intp)
            row = find_positions(part.ids, ids, name)[coo.row[kept]]
            entries.append((coo.data[kept].astype(np.float64), row, moved[coo.col[kept]]))
        data, row, column = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
        matrix = sp.csr_array((data, (row, column)), shape=(len(ids), len(pairs)))
        keys, values = (np.array([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
        return SideFeatures(ids, keys, values, _narrowed(matrix))


def _narrowed(matrix: sp.csr_array) -> sp.csr_array:
    """In float32 where that holds every number exactly, in float64 where it would round or overflow."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = matrix.data.astype(np.float32)
    if np.array_equal(narrow, matrix.data):
        return sp.csr_array((narrow, matrix.indices, matrix.indptr), shape=matrix.shape)
    return matrix


def _checked_row(id_: Any, row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        remedy = "Write features.to_dict()" if isinstance(row, pd.Series) else "Write {'tag': ...}, whatever the key"
        raise TypeError(
            f"The features of id {show_id(id_)} must be a mapping of key to value, got {type(row).__name__}. {remedy}."
        )
    wrong = next((key for key in row if not isinstance(key, str)), None)
    if wrong is not None or None in row:
        raise TypeError(
            f"The keys of features must be texts, but id {show_id(id_)} has {wrong!r}: write {str(wrong)!r}."
        )
    return {plain_text(key): cell for key, cell in row.items()}


def _remedy(features: Any) -> str:
    if isinstance(features, pd.Series):
        return "For a series of one feature by id write SideFeatures.from_frame(series.reset_index())."
    if isinstance(features, list | tuple):
        return "Give each an id: SideFeatures.from_dicts(dict(zip(ids, features)))."
    return "For a frame write SideFeatures.from_frame(df) or SideFeatures.from_long(df, id=...)."


def check_side_features(features: Any, name: str) -> SideFeatures:
    """Accept the container only, and say how to convert anything else."""
    if isinstance(features, SideFeatures):
        return features
    hint = (
        f"SideFeatures.from_dicts({name})"
        if isinstance(features, dict)
        else f"SideFeatures.from_frame({name}), one row per id, or "
        f"SideFeatures.from_long({name}, id='mid', key='type', value='value'), one row per value"
    )
    raise TypeError(f"{name} must be a SideFeatures, got {type(features).__name__}. Write {hint}.")
