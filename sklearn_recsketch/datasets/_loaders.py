"""Load interaction and feature files."""

from __future__ import annotations

from os import PathLike
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from sklearn_recsketch.datasets._decoding import shown
from sklearn_recsketch.datasets._text_table import SEPARATORS, TextTable, read_text_table
from sklearn_recsketch.preprocessing import SideFeatures

__all__ = ["load_features", "load_likes"]


LONGEST_NUMBER = 300  # characters; pandas raises an OverflowError for integers that no float can represent
HOW_TO_NAME = "Pass the names of the columns, for example user='uid', item='mid'."


def _read(table: TextTable, columns: list[str], ids: list[str], header: list[str]) -> pd.DataFrame:
    """Read columns of a file as strings.

    Strings such as "nan" and "null" are not treated as missing values because they may be tags.
    """
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(
            f"{table.name} has no column {missing[0]!r}; its columns are {header}. "
            f"{_other_separator(table, columns) or HOW_TO_NAME}"
        )
    repeated = [column for column in columns if header.count(column) > 1]
    if repeated:
        raise ValueError(
            f"{table.name} has {header.count(repeated[0])} columns {repeated[0]!r}; its columns are {header}. Rename "
            f"all but one of them."
        )
    frame = table.rows(header, columns, ids)
    if frame.empty:
        raise ValueError(f"{table.name} has a header but no rows.")
    return pd.DataFrame({column: frame[header.index(column)] for column in columns})


def _other_separator(table: TextTable, columns: list[str]) -> str:
    """Return advice to set `sep` if the first line seems to use a different separator, or an empty string."""
    line = next(table.records())[2]
    counts = {sep: line.count(sep) for sep in SEPARATORS if sep != table.sep and sep in line}
    matching = [sep for sep in counts if set(columns) <= {name.strip('"') for name in line.split(sep)}]
    if not matching and (table.sep in line or not counts):
        return ""
    best = matching[0] if matching else max(counts, key=counts.__getitem__)
    return f"Its first line is separated by {best!r}: set sep={best!r}."


def load_likes(
    path: str | PathLike[str] | Any,
    *,
    user: str = "uid",
    item: str = "mid",
    name: str | None = "modelname",
    weight: str | None = None,
    encoding: str = "utf-8",
    sep: str = "|",
    quotechar: str | None = "auto",
) -> Bunch:
    """Load a file with one interaction per row.

    Parameters
    ----------
    path : path, URL or file
        Delimited text file with a header. Files whose names end in ``.gz``, ``.bz2``, ``.xz`` or ``.zip`` are
        decompressed.
    user, item : str, default="uid", "mid"
        Names of the columns that contain the user ids and the item ids.
    name : str, default="modelname"
        Name of the column that contains the item names. If it is None or the file has no such column, no names are
        returned.
    weight : str, default=None
        Name of a numeric column, such as a play count. If None, no weights are returned.
    encoding : str, default="utf-8"
        Encoding of the file.
    sep : str, default="|"
        Character that separates fields.
    quotechar : str or None, default="auto"
        Character that quotes fields. If None, fields are not quoted. If "auto", the function detects whether fields are
        quoted, and whether the quote character is the double quote, as written by ``df.to_csv(sep="|")``, or the
        backslash, as in the Sketchfab files.

    Returns
    -------
    Bunch
        Dictionary-like object with three attributes. ``data`` is a frame with the columns user, item and, if requested,
        weight. ``names`` is a Series of item names that is indexed by item id, or None. ``n_duplicates`` is the number
        of duplicate rows that were removed from ``data``.

    Raises
    ------
    ValueError
        If a column is missing, or if a line is invalid. A line is invalid if it has a blank id, more or fewer fields
        than the header, a weight that is not a number, or a different encoding. The message lists the columns of the
        file or names the invalid line.

    Notes
    -----
    Ids are read as strings and never modified: "007", "nan" and " ann" are valid ids. Blank lines are skipped.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_recsketch.datasets import load_likes
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "likes.psv"
    >>> _ = path.write_text("modelname|mid|uid\\nA ship|m1|ann\\nA ship|m1|bob\\nA ship|m1|bob\\n")
    >>> likes = load_likes(path)
    >>> likes.data
      user item
    0  ann   m1
    1  bob   m1
    >>> likes.names["m1"], likes.n_duplicates
    ('A ship', 1)
    """
    source = read_text_table(path, encoding=encoding, sep=sep, quotechar=quotechar)
    header = source.header
    named = name is not None and name in header
    columns = [user, item, *([weight] if weight is not None else []), *([str(name)] if named else [])]
    table = _read(source, columns, [user, item], header)
    n_rows = len(table)
    if weight is not None:
        short = table[weight].str.len() <= LONGEST_NUMBER
        number = pd.to_numeric(table[weight].where(short), errors="coerce")
        if number.isna().any():
            row = int(number.isna().to_numpy().argmax())
            raise ValueError(
                f"{weight} must be a number, got {shown(table[weight].iloc[row])} in {source.line_of(row)}. Correct it "
                f"or remove the line."
            )
    table = table.drop_duplicates(ignore_index=True)
    data = pd.DataFrame({"user": table[user], "item": table[item]})
    if weight is not None:
        data["weight"] = pd.to_numeric(table[weight])
    names = table.drop_duplicates(item).set_index(item)[name] if named else None
    return Bunch(data=data, names=names, n_duplicates=n_rows - len(table))


def load_features(
    path: str | PathLike[str] | Any,
    *,
    id: str = "mid",
    key: str = "type",
    value: str = "value",
    lowercase: bool = True,
    encoding: str = "utf-8",
    sep: str = "|",
    quotechar: str | None = "auto",
) -> SideFeatures:
    """Load a file in which each row contains one feature of an item or user.

    Parameters
    ----------
    path : path, URL or file
        Delimited text file with a header. Files whose names end in ``.gz``, ``.bz2``, ``.xz`` or ``.zip`` are
        decompressed.
    id, key, value : str, default="mid", "type", "value"
        Names of the columns that contain the id, the type and the value of each feature.
    lowercase : bool, default=True
        Whether to convert values to lower case, so that "VR" and "vr" are the same tag.
    encoding, sep, quotechar : str, default="utf-8", "|", "auto"
        Format of the file, as in :func:`load_likes`.

    Returns
    -------
    SideFeatures
        Categorical features. Their names combine type and value, as in "tag=vr".

    Raises
    ------
    ValueError
        If a column is missing or a line is invalid, as in :func:`load_likes`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_recsketch.datasets import load_features
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "feats.psv"
    >>> _ = path.write_text("mid|type|value\\nm1|tag|VR\\nm1|category|art\\nm2|tag|vr\\n")
    >>> load_features(path).feature_names().tolist()
    ['category=art', 'tag=vr']
    """
    source = read_text_table(path, encoding=encoding, sep=sep, quotechar=quotechar)
    table = _read(source, [id, key, value], [id, key], source.header)
    return SideFeatures.from_long(table, id=id, key=key, value=value, lowercase=lowercase)
