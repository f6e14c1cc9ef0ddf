"""What `candidates` and `exclude` name: items for everybody, or for each user her own."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch._data.id_lists import BYTES, check_id_list, id_array
from sklearn_recsketch._data.ids import (
    IdColumn,
    check_same_kind,
    encode_ids,
    find_positions,
    lookup,
    lookup_unsorted,
    show_id,
)
from sklearn_recsketch._data.interactions import InteractionSource, check_interactions
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = [
    "ItemSelection",
    "Pairs",
    "check_selection_users",
    "matrix_of_pairs",
    "pairs_per_user",
    "read_item_selection",
    "select_items",
]

Parameter = Literal["candidates", "exclude"]
LABELS: dict[Parameter, str] = {"candidates": "candidate", "exclude": "excluded item"}  # for errors about their ids


@dataclass(frozen=True)
class Pairs:
    """Pairs of a user and an item: of each user her own items. Some of the users' ids may have none."""

    users: IdColumn
    items: IdColumn
    named: bool = False  # whether each user was written down, as a key of a dict


# Distinct sorted ids, for everybody; pairs; or the items without interactions.
ItemSelection = np.ndarray | Pairs | Literal["cold"]


def read_item_selection(
    value: Any, parameter: Parameter, own: str | None = "user", other: str = "item"
) -> ItemSelection | None:
    """Read a list of ids, a table of pairs, a dict of lists, or "cold"; None where it names nothing.

    Parameters
    ----------
    value : Any
        What the caller passed.
    parameter : {"candidates", "exclude"}
    own : str or None
        What each may have her own items, "user" or "item"; None: there are only items for everybody.
    other : str
        What is found.

    Raises
    ------
    TypeError, ValueError
        For anything else, with what to write instead.
    """
    if value is None:
        return None
    if isinstance(value, str) and value == "cold" and parameter == "candidates":
        return "cold"
    paired = isinstance(value, Mapping) or _is_table(value)
    if (paired and own is None) or not (paired or _is_list(value)):
        # "cold" is a text, so that another one is a wrong value rather than of a wrong type.
        raise (ValueError if isinstance(value, str) else TypeError)(_rule(value, parameter, own, other))
    if isinstance(value, Mapping):
        choice: ItemSelection | None = _of_mapping(value, parameter, str(own), other)
    elif paired:
        choice = _of_table(value, parameter)
    else:
        # Arrays and columns have types of their own; an index of pairs, generators and sets are but lists.
        if isinstance(value, pd.MultiIndex) or not hasattr(value, "__array__"):
            value = list(value)
        if own is not None and isinstance(value, list) and any(_is_nested(element) for element in value):
            choice = _of_table(_pairs(value, parameter, own, other), parameter)
        else:
            choice = _of_list(value, parameter, str(own), other)
    if choice is None and parameter == "candidates":
        raise ValueError(f"candidates is empty: give at least one {other}, or None for all known {other}s.")
    return choice


def pairs_per_user(choice: ItemSelection | None) -> Pairs | None:
    """The choice if each user has her own items, else None."""
    return choice if isinstance(choice, Pairs) else None


def select_items(
    choice: ItemSelection | None,
    known: np.ndarray,
    interactions: sp.csr_array | None,
    other: str,
    new: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of all items that anybody may get, and their row numbers in the model, -1 for unknown ones.

    Parameters
    ----------
    choice : ItemSelection or None
        None: all known items and the new ones.
    known : ndarray
        Ids of the model's items, sorted.
    interactions : csr_array of shape (n_users, n_items) or None
        Those of fit, None where they are not kept.
    other : str
        What is found, "item" or "user".
    new : ndarray or None
        Ids the model does not know, which the query says something of.
    """
    if isinstance(choice, np.ndarray | Pairs):
        ids = choice.items.ids if isinstance(choice, Pairs) else choice
        return ids, lookup(known, IdColumn(np.arange(len(ids)), ids), LABELS["candidates"])
    ids, rows = known, np.arange(len(known))
    if new is not None:
        ids, rows = np.concatenate([ids, new]), np.append(rows, np.full(len(new), -1))
    if choice is None:
        return ids, rows
    if interactions is None:
        raise ValueError(
            f"candidates='cold' names the {other}s without interactions in fit, but an index by cosine does not keep "
            f"interactions. Pass the ids of these {other}s."
        )
    counts = interactions.count_nonzero(axis=0 if other == "item" else 1)
    cold = np.append(counts, 0)[rows] == 0
    if not cold.any():
        raise ValueError(
            f"candidates='cold' names the {other}s without interactions in fit, but the recommender knows none: all "
            f"its {len(known)} {other}s have some. Pass the features of the other {other}s to fit as {other}_features, "
            f"for example cross_val_score(..., params={{'{other}_features': F}})."
        )
    return ids[cold], rows[cold]


def matrix_of_pairs(pairs: Pairs, asked: IdColumn, item_ids: np.ndarray) -> sp.csr_array:
    """Pairs of a user and an item as a matrix of the users asked for and of items, entries 1, sorted by item."""
    position = lookup(asked.ids, pairs.users, "user", "the users asked for are")
    columns = lookup_unsorted(item_ids, pairs.items, "item", "the items to choose from are")
    keep = (position >= 0) & (columns >= 0)
    shape = (len(asked.ids), len(item_ids))
    matrix = sp.csr_array((np.ones(keep.sum(), np.float32), (position[keep], columns[keep])), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return sp.csr_array(matrix[asked.codes])


def check_selection_users(
    choice: ItemSelection | None, parameter: Parameter, own: str, asked: np.ndarray, known: np.ndarray
) -> None:
    """Compare the users of pairs with those asked for and those the model knows, both sorted.

    Lists of other users than those asked for are legitimate: one table serves many queries. A table may hold users
    whom the model does not know, such as a log of today. A key of a dict that nobody knows may be misspelt.
    """
    if not isinstance(choice, Pairs) or not len(asked):
        return
    users = choice.users
    check_same_kind(users.ids, asked, f"The {own} ids of {parameter}", f"the {own}s asked for are")
    wanted = find_positions(users.ids, asked, own) >= 0
    strange = ~wanted & (find_positions(users.ids, known, own) < 0)
    first = show_id(users.ids[int(np.argmax(strange))])
    if strange.all():
        raise ValueError(
            f"None of the {len(strange)} {own}s of {parameter} (first: {first}) is asked for or known to the "
            f"recommender. The keys of a dict, or the first column of a table, must be {own} ids."
        )
    if parameter == "candidates" and not wanted.any():
        raise ValueError(
            f"None of the {len(asked)} {own}s asked for (first: {show_id(asked[0])}) has candidates: they are given "
            f"for {len(strange)} other {own}s (first: {show_id(users.ids[0])})."
        )
    if choice.named and strange.any():
        warnings.warn(
            f"{strange.sum()} of the {len(strange)} {own}s of {parameter} are neither asked for nor known to the "
            f"recommender (first: {first}): what they have there is ignored.",
            UserWarning,
            stacklevel=levels_inside(),
        )


def _of_list(value: Any, parameter: Parameter, own: str, other: str) -> np.ndarray | None:
    array = id_array(value, LABELS[parameter])
    if array.dtype == object and any(_is_nested(element) for element in array):
        raise TypeError(
            f"{parameter} holds lists of {other} ids. To give each {own} its own, pass a dict of {own} to {other} ids, "
            f"as {parameter}.to_dict() of a pandas Series by {own}, or a table of pairs of {own} and {other}."
        )
    return check_id_list(array, LABELS[parameter]).ids if len(array) else None


def _of_table(value: Any, parameter: Parameter) -> Pairs | None:
    if not isinstance(value, InteractionSource) and not hasattr(value, "collect"):
        if not value.shape[0]:
            return None
        _refuse_one_column(value, parameter)
    table = check_interactions(value, name=parameter, weighted=False)
    return Pairs(table.users, table.items)


def _of_mapping(value: Mapping[Any, Any], parameter: Parameter, own: str, other: str) -> Pairs | None:
    if not value:
        return None
    arrays = []
    for key, ids in value.items():
        if not _is_list(ids):
            raise TypeError(
                f"{parameter}[{key!r}] must be a list of {other} ids, got {reprlib.repr(ids)} of type "
                f"{type(ids).__name__}.{_single(ids)}"
            )
        arrays.append(np.asarray(id_array(ids, f"{parameter}[{key!r}]")))
    owners = check_id_list(list(value), own)
    users = IdColumn(np.repeat(owners.codes, [len(array) for array in arrays]), owners.ids)
    filled = [array for array in arrays if len(array)]
    if len({array.dtype for array in filled}) != 1:
        filled = [array.astype(object) for array in filled]  # numpy would make floats of int64 and uint64
    joined = np.concatenate(filled) if filled else np.empty(0, dtype=object)
    try:
        return Pairs(users, encode_ids(joined, LABELS[parameter]), named=True)
    except (TypeError, ValueError):
        for key, array in zip(value, arrays, strict=True):
            encode_ids(array, f"{parameter}[{key!r}]")  # the row that an error names is one of this list
        raise


def _pairs(value: list[Any], parameter: Parameter, own: str, other: str) -> np.ndarray:
    """A list of pairs as an array."""
    widths = [len(element) for element in value if _is_pair(element)] or [2]
    for place, element in enumerate(value):
        if not _is_pair(element) or len(element) != widths[0]:
            raise ValueError(
                f"{parameter} must be a list of {other} ids or a list of pairs of {own} and {other}, but element "
                f"{place} is {reprlib.repr(element)} of type {type(element).__name__}. To give each {own} a list of "
                f"her own, pass a dict of {own} to {other} ids."
            )
    return np.array(value, dtype=object)


def _refuse_one_column(table: Any, parameter: Parameter) -> None:
    if table.shape[1] == 1:
        first = (columns_of(table)[1] or [""])[0]
        column = f"{parameter}[{first!r}]" if frame_library(table) else f"{parameter}[:, 0]"
        raise ValueError(
            f"{parameter} has one column: a table has two, users and items. For a list of ids pass the column itself, "
            f"for example {column}."
        )


def _is_table(value: Any) -> bool:
    if isinstance(value, InteractionSource) or frame_library(value) is not None or hasattr(value, "collect"):
        return True
    return getattr(value, "ndim", 1) == 2 and not sp.issparse(value)


def _is_list(value: Any) -> bool:
    """Whether a value is a list of ids in some form: not a single id, and nothing that is misread by iterating it."""
    if isinstance(value, (str, *BYTES, Mapping)) or sp.issparse(value) or not isinstance(value, Iterable):
        return False
    return getattr(value, "ndim", 1) > 0 and getattr(getattr(value, "dtype", None), "names", None) is None


def _is_nested(element: Any) -> bool:
    return not isinstance(element, (str, int, *BYTES)) and isinstance(element, Iterable)


def _is_pair(element: Any) -> bool:
    return isinstance(element, Sequence | np.ndarray) and _is_nested(element) and len(element) in (2, 3)


def _rule(value: Any, parameter: Parameter, own: str | None, other: str) -> str:
    forms = [f"a list of {other} ids"]
    if own is not None:
        forms += [f"a table of pairs of {own} and {other}", f"a dict of {own} to {other} ids"]
    if parameter == "candidates":
        forms.append("'cold'")
    got = f"{reprlib.repr(value)} of type {type(value).__name__}"
    single = _single(value, parameter)
    return f"{parameter} must be {', '.join(forms)} or None, got {got}.{single}"


def _single(value: Any, parameter: str = "") -> str:
    """What to write for a single id."""
    if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool):
        return f" For a single id, write {parameter}{'=' if parameter else ''}[{show_id(value)}]."
    return " Decode it first: id.decode()." if isinstance(value, BYTES) else ""
