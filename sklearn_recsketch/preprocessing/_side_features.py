"""Container for the side features of users or items."""

from __future__ import annotations

import warnings
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
from sklearn_recsketch._data.ids import (
    IdColumn,
    check_same_kind,
    encode_ids,
    find_positions,
    inverse_permutation,
    show_id,
    union,
)
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["SideFeatures", "check_side_features", "feature_ids"]

# A column of at least so many strings, with more than this share of distinct ones, probably holds names or joined tags.
MANY_VALUES = 50
MOST_DISTINCT = 0.9


class SideFeatures:
    """Immutable, sparse container for the side features of users or items, keyed by id.

    Create an instance with :meth:`from_dicts`, :meth:`from_frame` or :meth:`from_long`. A string is treated as a
    category, with one column per key and value. A number is treated as a measurement, with one column per key. A list
    of strings is treated as several categories. Empty strings and missing values in lists are ignored.

    The container deliberately has no length, shape or array interface. Otherwise, scikit-learn would split it in
    cross-validation whenever it happened to have the same length as X.

    Attributes
    ----------
    ids : ndarray of shape (n_ids,)
        Sorted ids, as integers or strings.
    keys, values : ndarray of shape (n_columns,), dtype object
        Key and value of each column. The value is None for measurements.
    matrix : csr_array of shape (n_ids, n_columns), dtype float32 or float64
        Matrix that contains 1 for each category of an id and the value of each measurement. Measurements with a
        value of 0 are stored explicitly. The dtype is float64 if float32 cannot represent all numbers exactly.

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
        # Views and copies are used, so that the caller's arrays stay writable.
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
        """Build features from a mapping of ids to dicts of features.

        Parameters
        ----------
        features : mapping of id to mapping of str to str, number or list of str
            Features of each id, in the format that :class:`~sklearn.feature_extraction.DictVectorizer` accepts.
        lowercase : bool, default=False
            Whether to convert strings to lower case, so that "VR" and "vr" are the same category.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            If a value is not a string, a finite number or a list of strings. The message names the id and the key.
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
        for row, (id_, features_of_id) in enumerate(features.items()):
            for key, cell in _checked_row(id_, features_of_id).items():
                owners.append(row)
                keys.append(key)
                values.append(cell)

        def show(entry: int) -> str:
            return f"The value of {keys[entry]!r} for id {show_id(ids.ids[ids.codes[owners[entry]]])}"

        column = pd.Series(values, dtype=object)
        refuse_missing(column.to_numpy(), show)
        extracted = read_feature_values(column, show, lowercase)
        key_codes, distinct = pd.factorize(np.array(keys, dtype=object))
        rows = ids.codes[np.array(owners, dtype=np.intp)[extracted.rows]]
        return cls._from_values(ids.ids, list(distinct), rows, key_codes[extracted.rows], extracted)

    @classmethod
    def from_frame(cls, df: Any, *, id: str | None = None, lowercase: bool = False) -> SideFeatures:
        """Build features from a frame with one row per id and one column per key.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            Frame of features. String columns and categorical columns become categories, numeric columns become
            measurements, and each list of strings becomes several categories. For cells such as "red|large", pass
            lists: ``df.assign(tags=df["tags"].str.split("|"))``. Missing values are ignored. A named pandas index is
            treated as the first column.
        id : str, default=None
            Name of the column that contains the ids. If None, the first column is used.
        lowercase : bool, default=False
            Whether to convert strings to lower case.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            If ids or column names are repeated, or if a value is not a string, a finite number or a list of strings.
            The message names the column, the id and the row.

        Warns
        -----
        UserWarning
            If nearly every value of a column of at least 50 strings is distinct.
        """
        columns = feature_columns(df, "from_frame")
        id = first_column(df, columns) if id is None else column_named(columns, id, "id")
        ids = encode_ids(as_id_column(columns.pop(id)), "feature")
        if len(ids.ids) < len(ids.codes):
            row = int(np.argmax(pd.Series(ids.codes).duplicated()))
            raise ValueError(
                f"The id {show_id(ids.ids[ids.codes[row]])} in row {row} is repeated: "
                f"from_frame expects one row per id. For one row per value write "
                f"SideFeatures.from_long(df, id=..., key=..., value=...), with key=None if there is no column of keys."
            )

        def show(key: str, row: int) -> str:
            return f"The value of {key!r} for id {show_id(ids.ids[ids.codes[row]])} in row {row}"

        parts = [
            read_feature_values(as_values(column), partial(show, key), lowercase) for key, column in columns.items()
        ]
        for key, part in zip(columns, parts, strict=True):
            _warn_of_single_values(key, part)
        key_codes = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])
        extracted = concatenate_values(parts)
        return cls._from_values(ids.ids, list(columns), ids.codes[extracted.rows], key_codes, extracted)

    @classmethod
    def from_long(
        cls, df: Any, *, id: str, key: str | None = "type", value: str = "value", lowercase: bool = False
    ) -> SideFeatures:
        """Build features from a frame with one row per id, key and value.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            Frame in which each row contains one feature of an id. A list of strings is treated as several features.
        id, value : str
            Names of the columns that contain the ids and the values. Strings in the `value` column become categories,
            and numbers become measurements.
        key : str or None, default="type"
            Name of the column that contains the keys. If None, all values have the name of the `value` column as their
            key, for example in a table with the columns item and tag.
        lowercase : bool, default=False
            Whether to convert strings to lower case.

        Returns
        -------
        SideFeatures

        Raises
        ------
        TypeError, ValueError
            If a cell is empty, if an id has two measurements with the same key, or if a value is not a string, a
            finite number or a list of strings. The message names the row.
        """
        columns = feature_columns(df, "from_long")
        of_ids, name = columns[column_named(columns, id, "id")], column_named(columns, value, "value")
        ids, column = encode_ids(as_id_column(of_ids), "feature"), as_values(columns[name])
        if key is None:
            keys = IdColumn(np.zeros(len(column), dtype=np.int32), np.array([name], dtype=object))
        else:
            hint = f", or key=None if all values of {value!r} are of one kind"
            keys = encode_ids(as_id_column(columns[column_named(columns, key, "key", hint)]), "key")
        missing = np.asarray(pd.isna(column))
        if missing.any():
            raise ValueError(
                f"The value in row {int(np.argmax(missing))} is missing. Drop such rows, for example with df.dropna()."
            )

        names = [str(name) for name in keys.ids]

        def show(row: int) -> str:
            return f"The value of {names[keys.codes[row]]!r} for id {show_id(ids.ids[ids.codes[row]])} in row {row}"

        extracted = read_feature_values(column, show, lowercase)
        number = extracted.codes < 0
        measured = pd.DataFrame({"id": ids.codes[extracted.rows[number]], "key": keys.codes[extracted.rows[number]]})
        repeated = measured.duplicated().to_numpy()
        if repeated.any():
            row = int(extracted.rows[number][np.argmax(repeated)])
            raise ValueError(
                f"Row {row} has a second number for {names[keys.codes[row]]!r} of id "
                f"{show_id(ids.ids[ids.codes[row]])}. Aggregate the numbers first: one per id and key."
            )
        return cls._from_values(ids.ids, names, ids.codes[extracted.rows], keys.codes[extracted.rows], extracted)

    @classmethod
    def _from_values(
        cls, ids: np.ndarray, keys: list[str], rows: np.ndarray, key_codes: np.ndarray, extracted: FeatureValues
    ) -> SideFeatures:
        """Build features from feature values, given the row and the key of each value.

        If an id has the same string several times for a key, the string counts once.
        """
        key_order, text_order = (np.argsort(np.array(names, dtype=object)) for names in (keys, extracted.texts))
        # Measurements come before the categories of their key.
        text_rank = np.append(inverse_permutation(text_order) + 1, 0)
        pair = inverse_permutation(key_order)[key_codes] * np.int64(len(text_rank)) + text_rank[extracted.codes]
        pairs, column = np.unique(pair, return_inverse=True)
        texts = np.array([None, *extracted.texts[text_order]], dtype=object)
        values = texts[pairs % len(text_rank)]
        matrix = sp.csr_array((extracted.numbers, (rows, column)), shape=(len(ids), len(pairs)))
        categorical = np.array([value is not None for value in values], dtype=bool)
        matrix.data[categorical[matrix.indices]] = 1
        names = np.array(keys, dtype=object)[key_order]
        return cls(ids, names[pairs // len(text_rank)], values, _narrowed(matrix))

    def feature_names(self, separator: str = "=") -> np.ndarray:
        """Return the column names in the same format as DictVectorizer.

        A category column is named by its key, the separator and its value. A measurement column is named by its key.
        """
        pairs = zip(self.keys, self.values, strict=True)
        return np.array([str(k) if v is None else f"{k}{separator}{v}" for k, v in pairs], dtype=object)

    def align(self, ids: np.ndarray, name: str) -> SideFeatures:
        """Return the features of the given sorted `ids`, with one row per id.

        Ids without features get empty rows.
        """
        check_same_kind(ids, self.ids, f"The {name} ids of X", f"those of {name}_features are")
        position = np.asarray(pd.Index(self.ids).get_indexer(pd.Index(ids)))
        known = position >= 0
        rows = np.flatnonzero(known)
        lengths = np.zeros(len(ids), dtype=np.int64)
        lengths[rows] = np.diff(self.matrix.indptr)[position[rows]]
        picked = self.matrix[position[rows]]  # indexing keeps explicit zeros, unlike a product
        matrix = (picked.data, picked.indices, np.concatenate([[0], np.cumsum(lengths)]))
        shape = (len(ids), len(self.keys))
        return SideFeatures(ids.copy(), self.keys, self.values, sp.csr_array(matrix, shape=shape))

    def updated(self, newer: SideFeatures, name: str) -> SideFeatures:
        """Return the union of these features and the features in `newer`.

        If an id has features in both containers, its new features replace its old features.
        """
        check_same_kind(newer.ids, self.ids, f"The {name} ids of the new features", "the ids of the old features are")
        ids = union(self.ids, newer.ids, name)
        # Columns are matched by key and value. Measurements come before the categories of their key.
        columns = [list(zip(part.keys, part.values, strict=True)) for part in (self, newer)]
        pairs = sorted({*columns[0], *columns[1]}, key=lambda pair: (pair[0], pair[1] is not None, pair[1] or ""))
        position = {pair: column for column, pair in enumerate(pairs)}
        kept_ids = find_positions(self.ids, newer.ids, name) < 0
        entries = []
        for part, part_columns, rows in (
            (self, columns[0], kept_ids),
            (newer, columns[1], np.ones(len(newer.ids), dtype=bool)),
        ):
            coo = part.matrix.tocoo()
            kept = rows[coo.row]
            moved = np.array([position[pair] for pair in part_columns], dtype=np.intp)
            row = find_positions(part.ids, ids, name)[coo.row[kept]]
            entries.append((coo.data[kept].astype(np.float64), row, moved[coo.col[kept]]))
        data, row, column = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
        matrix = sp.csr_array((data, (row, column)), shape=(len(ids), len(pairs)))
        keys, values = (np.array([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
        return SideFeatures(ids, keys, values, _narrowed(matrix))


def _narrowed(matrix: sp.csr_array) -> sp.csr_array:
    """Convert a matrix to float32 if float32 represents all values exactly."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = matrix.data.astype(np.float32)
    if np.array_equal(narrow, matrix.data):
        return sp.csr_array((narrow, matrix.indices, matrix.indptr), shape=matrix.shape)
    return matrix


def _checked_row(id_: Any, row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        remedy = "Write features.to_dict()" if isinstance(row, pd.Series) else "Write a dict such as {'tag': ...}"
        raise TypeError(
            f"The features of id {show_id(id_)} must be a mapping of key to value, got {type(row).__name__}. {remedy}."
        )
    wrong = next((key for key in row if not isinstance(key, str)), None)
    if wrong is not None or None in row:
        raise TypeError(
            f"The keys of features must be strings, but id {show_id(id_)} has {wrong!r}: write {str(wrong)!r}."
        )
    return {plain_text(key): cell for key, cell in row.items()}


def _remedy(features: Any) -> str:
    if isinstance(features, pd.Series):
        return "For a Series with one feature, indexed by id, write SideFeatures.from_frame(series.reset_index())."
    if isinstance(features, list | tuple):
        return "Add an id to each row: SideFeatures.from_dicts(dict(zip(ids, features)))."
    return "For a frame write SideFeatures.from_frame(df) or SideFeatures.from_long(df, id=...)."


def check_side_features(features: Any, name: str) -> SideFeatures:
    """Return `features`, or raise a TypeError if it is not a SideFeatures object.

    The error message explains how to convert the object.
    """
    if isinstance(features, SideFeatures):
        return features
    hint = f"from_frame({name}) for one row per id, or from_long({name}, id=..., key=..., value=...) for one per value"
    hint = f"from_dicts({name})" if isinstance(features, dict) else hint
    raise TypeError(f"{name} must be a SideFeatures, got {type(features).__name__}. Write SideFeatures.{hint}.")


def feature_ids(features: Any, name: str) -> np.ndarray | None:
    """Check side features and return their sorted ids, or None if there are no side features."""
    return None if features is None else check_side_features(features, name).ids


def _warn_of_single_values(key: str, values: FeatureValues) -> None:
    """Warn about a column of strings in which nearly every id has a value of its own."""
    n_rows, n_distinct = int((values.codes >= 0).sum()), len(np.unique(values.codes[values.codes >= 0]))
    if n_rows >= MANY_VALUES and n_distinct > MOST_DISTINCT * n_rows:
        warnings.warn(
            f"The column {key!r} has {n_distinct} distinct values in {n_rows} rows, so nearly every value belongs to a "
            f"single id and tells nothing about others. Drop the column if it holds names. If its cells hold several "
            f"values, such as 'a|b', split them: frame[{key!r}].str.split('|').",
            UserWarning,
            stacklevel=levels_inside(),
        )
