"""Files of likes and features."""

from __future__ import annotations

from os import PathLike
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from sklearn_recsketch.datasets._text_table import SEPARATORS, TextTable, read_text_table
from sklearn_recsketch.preprocessing import SideFeatures

__all__ = ["load_features", "load_likes"]


HOW_TO_NAME = "Name the columns of your file, for example user='uid', item='mid'."


def _read(table: TextTable, columns: list[str], ids: list[str], header: list[str]) -> pd.DataFrame:
    """Some columns of a file, ids and texts as strings: tags may be the words nan and null."""
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
            f"all but one."
        )
    frame = table.rows(header, ids)
    if frame.empty:
        raise ValueError(f"{table.name} has a header but no rows.")
    return pd.DataFrame({column: frame[header.index(column)] for column in columns})


def _other_separator(table: TextTable, columns: list[str]) -> str:
    """A proposal, if the first line has the columns by another separator, or is one column only."""
    line = next(table.records())[2]
    counts = {sep: line.count(sep) for sep in SEPARATORS if sep != table.sep and sep in line}
    whole = [sep for sep in counts if set(columns) <= {name.strip('"') for name in line.split(sep)}]
    if not whole and (table.sep in line or not counts):
        return ""
    found = whole[0] if whole else max(counts, key=counts.__getitem__)
    return f"Its first line is separated by {found!r}: set sep={found!r}."


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
    """Read a file of likes.

    Parameters
    ----------
    path : path, URL or file
        Separated text with a header; ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` are decompressed.
    user, item : str, default="uid", "mid"
        Columns of the ids.
    name : str, default="modelname"
        Column of the items' names; None, or a column the file lacks, for no names.
    weight : str, default=None
        Column of a number per row, such as a play count.
    encoding : str, default="utf-8"
        Encoding of the file.
    sep : str, default="|"
        Character between fields.
    quotechar : str or None, default="auto"
        Character around fields that have `sep` inside; None if no field is quoted. "auto" finds out
        whether it is the double quote, as in files of ``df.to_csv(sep="|")``, or the backslash, as
        in those of Sketchfab.

    Returns
    -------
    Bunch
        ``data``, a frame with columns user, item and, where asked for, weight, without exact
        duplicate rows; ``names``, a Series of item names by item id, or None; ``n_duplicates``, the
        number of rows dropped.

    Raises
    ------
    ValueError
        For a missing column, naming those the file has; for a line with a blank id, with more or
        fewer fields than the header, with a weight that is not a number or in another encoding,
        naming the line.

    Notes
    -----
    Ids are texts, kept as they are: "007", "nan" and " ann" stay so. Blank lines are skipped.

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
        number = pd.to_numeric(table[weight], errors="coerce")
        if number.isna().any():
            row = int(number.isna().to_numpy().argmax())
            raise ValueError(
                f"{weight} must be a number, got {table[weight].iloc[row]!r} in {source.line_of(row)}. Correct it, or "
                f"remove the line."
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
    """Read a file with one feature per row.

    Parameters
    ----------
    path : path, URL or file
        Separated text with a header; ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` are decompressed.
    id, key, value : str, default="mid", "type", "value"
        Columns of the id, the kind of the feature and its value.
    lowercase : bool, default=True
        Lower-case the values, so that the tags "VR" and "vr" are one.
    encoding : str, default="utf-8"
        Encoding of the file.
    sep : str, default="|"
        Character between fields.
    quotechar : str or None, default="auto"
        Character around fields that have `sep` inside; None if no field is quoted. "auto" finds out
        whether it is the double quote, as in files of ``df.to_csv(sep="|")``, or the backslash, as
        in those of Sketchfab.

    Returns
    -------
    SideFeatures
        Categories such as "tag=vr".

    Raises
    ------
    ValueError
        As in `load_likes`.

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
