"""Pipe-separated files of likes and features, as the Sketchfab data come."""

from __future__ import annotations

import csv
from os import PathLike
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from sklearn_recsketch.preprocessing import SideFeatures

__all__ = ["load_features", "load_likes"]


def _read(path: str | PathLike[str], columns: list[str]) -> pd.DataFrame:
    """Some columns of a file, ids and texts as strings: tags may be the words nan and null."""
    options: dict[str, Any] = {
        "sep": "|",
        "quoting": csv.QUOTE_MINIMAL,
        "quotechar": "\\",
        "keep_default_na": False,
    }
    header = list(pd.read_csv(path, nrows=0, **options).columns)
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(
            f"{path} has no column {missing[0]!r}; its columns are {header}. "
            f"Name the columns of your file, for example user='uid', item='mid'."
        )
    return pd.read_csv(path, usecols=columns, dtype=dict.fromkeys(columns, str), **options)[columns]


def load_likes(
    path: str | PathLike[str],
    *,
    user: str = "uid",
    item: str = "mid",
    name: str | None = "modelname",
    weight: str | None = None,
) -> Bunch:
    """Read a file of likes.

    Parameters
    ----------
    path : path
        Pipe-separated text with a header and a backslash as its quote.
    user, item : str, default="uid", "mid"
        Columns of the ids.
    name : str, default="modelname"
        Column of the items' names; None, or a column the file lacks, for no names.
    weight : str, default=None
        Column of a number per row, such as a play count.

    Returns
    -------
    Bunch
        ``data``, a frame with columns user, item and, where asked for, weight, without exact
        duplicate rows; ``names``, a Series of item names by item id, or None; ``n_duplicates``, the
        number of rows dropped.

    Raises
    ------
    ValueError
        For a missing column, naming those the file has, or a weight that is no number.

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
    header = pd.read_csv(path, sep="|", nrows=0, quotechar="\\").columns
    named = name is not None and name in header
    columns = [user, item, *([weight] if weight is not None else []), *([str(name)] if named else [])]
    table = _read(path, columns)
    n_rows = len(table)
    table = table.drop_duplicates(ignore_index=True)
    data = pd.DataFrame({"user": table[user], "item": table[item]})
    if weight is not None:
        number = pd.to_numeric(table[weight], errors="coerce")
        if number.isna().any():
            row = int(number.isna().to_numpy().argmax())
            raise ValueError(f"The {weight} of row {row} of {path} is no number: {table[weight].iloc[row]!r}.")
        data["weight"] = number
    names = table.drop_duplicates(item).set_index(item)[name] if named else None
    return Bunch(data=data, names=names, n_duplicates=n_rows - len(table))


def load_features(
    path: str | PathLike[str],
    *,
    id: str = "mid",
    key: str = "type",
    value: str = "value",
    lowercase: bool = True,
) -> SideFeatures:
    """Read a file with one feature per row.

    Parameters
    ----------
    path : path
        Pipe-separated text with a header and a backslash as its quote.
    id, key, value : str, default="mid", "type", "value"
        Columns of the id, the kind of the feature and its value.
    lowercase : bool, default=True
        Lower-case the values, so that the tags "VR" and "vr" are one.

    Returns
    -------
    SideFeatures
        Categories such as "tag=vr".

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_recsketch.datasets import load_features
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "feats.psv"
    >>> _ = path.write_text("mid|type|value\\nm1|tag|VR\\nm1|category|art\\nm2|tag|vr\\n")
    >>> load_features(path).feature_names().tolist()
    ['category=art', 'tag=vr']
    """
    return SideFeatures.from_long(_read(path, [id, key, value]), id=id, key=key, value=value, lowercase=lowercase)
