"""Features of users or items, keyed by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.feature_extraction import DictVectorizer

from sklearn_recsketch.utils._frames import columns_of, frame_library
from sklearn_recsketch.utils._id_lists import check_id_list
from sklearn_recsketch.utils._ids import check_same_kind, encode_ids, lookup, show_id

__all__ = ["SideFeatures"]

# Between key and value inside DictVectorizer, where no text of a user's has it.
_SEPARATOR = "\x1f"


class SideFeatures:
    """Features of users or items, one set per id: immutable, sparse, never sliced.

    Build one with :meth:`from_dicts`, :meth:`from_frame` or :meth:`from_long`. A text value is a
    category (a column per key and value), a number is a measurement (a column per key), a list of
    texts is several categories.

    The container deliberately has no length, shape or array interface: scikit-learn slices every
    fit parameter that is as long as X, and a table of item features happens to be so sooner or
    later.

    Attributes
    ----------
    ids : ndarray of shape (n_ids,)
        Ids, sorted, as integers or strings.
    keys, values : ndarray of shape (n_columns,), dtype object
        What each column stands for; the value of a measurement is None.
    matrix : csr_array of shape (n_ids, n_columns), dtype float32
        1 for a category present, the number for a measurement.

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
                f"For a frame write SideFeatures.from_frame(df) or SideFeatures.from_long(df, id=...)."
            )
        if not features:
            raise ValueError("The features are empty: SideFeatures needs at least one id.")
        rows = [_clean_row(id_, row, lowercase) for id_, row in features.items()]
        column = check_id_list(list(features), "feature")
        vectorizer = DictVectorizer(dtype=np.float32, separator=_SEPARATOR, sort=True)
        matrix = sp.csr_array(vectorizer.fit_transform(rows))
        # A text repeated in one list is one category; DictVectorizer would count it.
        categorical = np.array([_SEPARATOR in name for name in vectorizer.feature_names_], dtype=bool)
        matrix.sum_duplicates()
        if categorical.any():
            matrix.data[categorical[matrix.indices]] = 1
        keys, values = _split_names(vectorizer.feature_names_)
        order = np.argsort(column.codes)
        return cls(column.ids, keys, values, sp.csr_array(matrix[order]))

    @classmethod
    def from_frame(cls, df: Any, *, id: str | None = None, lowercase: bool = False) -> SideFeatures:
        """Features from a frame with one row per id and one column per key.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            Text and categorical columns become categories, numeric columns measurements, lists of
            texts several categories. A missing cell is a feature the id does not have.
        id : str, default=None
            Column of the ids; None is the first column.
        lowercase : bool, default=False
            Lower-case text values.

        Returns
        -------
        SideFeatures

        Raises
        ------
        ValueError
            For repeated ids, naming the first.
        """
        names = _columns_or_raise(df, "from_frame")
        id = names[0] if id is None else id
        _need_columns(names, {"id": id})
        columns = columns_of(df)[0]
        column = encode_ids(columns[names.index(id)], "feature")
        if len(column.ids) < len(column.codes):
            row = int(np.argmax(pd.Series(column.codes).duplicated()))
            raise ValueError(
                f"The id {show_id(column.ids[column.codes[row]])} in row {row} has a row already: "
                f"from_frame takes one row per id. For one row per value write "
                f"SideFeatures.from_long(df, id=..., key=..., value=...)."
            )
        ids = column.ids[column.codes].tolist()
        rows: dict[Any, dict[str, Any]] = {key: {} for key in ids}
        for name, cells in zip(names, columns, strict=True):
            if name != id:
                for features, cell in zip(rows.values(), cells, strict=True):
                    if not _is_missing(cell):
                        features[name] = cell
        return cls.from_dicts(rows, lowercase=lowercase)

    @classmethod
    def from_long(
        cls, df: Any, *, id: str, key: str = "type", value: str = "value", lowercase: bool = False
    ) -> SideFeatures:
        """Features from a frame with one row per id, key and value.

        Parameters
        ----------
        df : pandas, polars or pyarrow frame
            One row per feature of an id.
        id, key, value : str
            Names of the columns. A text in `value` is a category, a number a measurement.
        lowercase : bool, default=False
            Lower-case text values.

        Returns
        -------
        SideFeatures

        Raises
        ------
        ValueError
            For a missing cell or a measurement given twice, naming the row.
        """
        names = _columns_or_raise(df, "from_long")
        _need_columns(names, {"id": id, "key": key, "value": value})
        columns = dict(zip(names, columns_of(df)[0], strict=True))
        if not len(columns[id]):
            raise ValueError("The table of features is empty: SideFeatures needs at least one row.")
        ids, keys = encode_ids(columns[id], "feature"), encode_ids(columns[key], "key")
        cells = np.asarray(columns[value], dtype=object)
        missing = np.fromiter((_is_missing(cell) for cell in cells), dtype=bool, count=len(cells))
        if missing.any():
            raise ValueError(
                f"The value in row {int(np.argmax(missing))} is missing. Drop such rows, for example with df.dropna()."
            )
        is_text = np.fromiter((isinstance(cell, str) for cell in cells), dtype=bool, count=len(cells))
        texts = cells.copy()
        texts[~is_text] = None
        if lowercase:
            texts[is_text] = [text.lower() for text in texts[is_text]]
        numbers = np.ones(len(cells))
        for place in np.flatnonzero(~is_text):
            id_, kind = ids.ids[ids.codes[place]], keys.ids[keys.codes[place]]
            numbers[place] = _check_number(id_, kind, cells[place])
        text_codes, text_ids = pd.factorize(texts, sort=True)
        text_ids = np.array([*text_ids, None], dtype=object)
        # A measurement has no text: code -1, moved behind the last one.
        pair = keys.codes * np.int64(len(text_ids)) + np.where(is_text, text_codes, len(text_ids) - 1)
        pairs, column = np.unique(pair, return_inverse=True)
        entries = pd.DataFrame({"row": ids.codes, "column": column})
        repeated = entries.duplicated().to_numpy()
        if (repeated & ~is_text).any():
            row = int(np.argmax(repeated & ~is_text))
            raise ValueError(
                f"Row {row} gives {keys.ids[keys.codes[row]]!r} of id {show_id(ids.ids[ids.codes[row]])} "
                f"a second number. Aggregate first: one number per id and key."
            )
        keep = ~repeated
        matrix = sp.coo_array(
            (numbers[keep].astype(np.float32), (ids.codes[keep], column[keep])),
            shape=(len(ids.ids), len(pairs)),
        ).tocsr()
        return cls(
            ids.ids,
            keys.ids[pairs // len(text_ids)].astype(object),
            text_ids[pairs % len(text_ids)],
            matrix,
        )

    def feature_names(self, separator: str = "=") -> np.ndarray:
        """Names of the columns as DictVectorizer writes them: key, separator, value; a measurement's is its key."""
        pairs = zip(self.keys, self.values, strict=True)
        return np.array([str(k) if v is None else f"{k}{separator}{v}" for k, v in pairs], dtype=object)

    def align(self, ids: np.ndarray, name: str) -> SideFeatures:
        """The same features for exactly the sorted `ids`; an id without features gets an empty row."""
        check_same_kind(ids, self.ids, f"The {name} ids of X", f"those of {name}_features are")
        position = np.asarray(pd.Index(self.ids).get_indexer(pd.Index(ids)))
        known = position >= 0
        # A selection matrix picks rows and leaves unknown ones empty in one product.
        pick = sp.csr_array(
            (np.ones(known.sum(), np.float32), (np.flatnonzero(known), position[known])),
            shape=(len(ids), len(self.ids)),
        )
        return SideFeatures(ids.copy(), self.keys, self.values, sp.csr_array(pick @ self.matrix))

    def updated(self, newer: SideFeatures, name: str) -> SideFeatures:
        """These features with the rows of `newer` added; an id in both has the newer row alone."""
        check_same_kind(newer.ids, self.ids, f"The {name} ids of the new features", "those of the old ones are")
        ids = np.union1d(self.ids, newer.ids)
        stays = lookup(newer.ids, encode_ids(ids, name), name) < 0
        old_rows = self.align(ids, name).matrix.multiply(stays[:, None]).tocsr()
        parts = [(self, sp.csr_array(old_rows)), (newer, newer.align(ids, name).matrix)]
        # Columns are matched by key and value.
        names = [part.feature_names(_SEPARATOR) for part, _ in parts]
        union = np.unique(np.concatenate(names))
        total = sp.csr_array((len(ids), len(union)), dtype=np.float32)
        for (_, matrix), columns in zip(parts, names, strict=True):
            move = sp.csr_array(
                (
                    np.ones(len(columns), np.float32),
                    (np.arange(len(columns)), np.searchsorted(union, columns)),
                ),
                shape=(len(columns), len(union)),
            )
            total = total + matrix @ move
        total.eliminate_zeros()
        keys, values = _split_names(union)
        return SideFeatures(ids, keys, values, sp.csr_array(total))


def _split_names(names: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    parts = [name.partition(_SEPARATOR) for name in names]
    keys = np.array([part[0] for part in parts], dtype=object)
    return keys, np.array([part[2] if part[1] else None for part in parts], dtype=object)


def _clean_row(id_: Any, row: Any, lowercase: bool) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise TypeError(
            f"The features of id {show_id(id_)} must be a mapping of key to value, got {type(row).__name__}."
        )
    clean: dict[str, Any] = {}
    for key, cell in row.items():
        if not isinstance(key, str):
            raise TypeError(
                f"The keys of features must be texts, but id {show_id(id_)} has {key!r}: write {str(key)!r}."
            )
        if isinstance(cell, str):
            clean[key] = cell.lower() if lowercase else cell
        elif isinstance(cell, np.ndarray | list | tuple | set | frozenset):
            texts = list(cell) if not isinstance(cell, set | frozenset) else sorted(cell)
            wrong = next((text for text in texts if not isinstance(text, str)), None)
            if wrong is not None:
                raise TypeError(
                    f"The value of {key!r} for id {show_id(id_)} is a list with {wrong!r} "
                    f"of type {type(wrong).__name__}: a list must hold texts only."
                )
            clean[key] = [text.lower() for text in texts] if lowercase else texts
        else:
            clean[key] = _check_number(id_, key, cell)
    return clean


def _check_number(id_: Any, key: Any, cell: Any) -> float:
    if not isinstance(cell, int | float | np.number | np.bool_):
        raise TypeError(
            f"The value of {key!r} for id {show_id(id_)} is {show_id(cell)} of type {type(cell).__name__}: "
            f"a feature must be a text, a number or a list of texts. Leave the key out where the feature is missing."
        )
    number = float(cell)
    if not np.isfinite(number):
        raise ValueError(
            f"The value of {key!r} for id {show_id(id_)} is {show_id(cell)}, but numbers must be finite. "
            f"Leave the key out where the feature is missing."
        )
    return number


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell))


def _columns_or_raise(df: Any, method: str) -> list[str]:
    if frame_library(df) is None:
        raise TypeError(
            f"SideFeatures.{method} expects a pandas, polars or pyarrow frame, got {type(df).__name__}. "
            f"For a mapping of id to features write SideFeatures.from_dicts(features)."
        )
    return columns_of(df)[1] or []


def _need_columns(names: list[str], wanted: dict[str, str]) -> None:
    for role, column in wanted.items():
        if column not in names:
            raise ValueError(f"There is no column {column!r} for the {role}s; the columns are {names}. Pass {role}=...")
