"""Read the parameters `candidates` and `exclude`: one list of items for all users, or one list per user."""

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
    are_all,
    check_same_kind,
    encode_ids,
    find_positions,
    lookup,
    show_id,
)
from sklearn_recsketch._data.interactions import InteractionSource, check_interactions
from sklearn_recsketch._ranking.eligible import pair_matrix
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = [
    "ItemSelection",
    "Pairs",
    "check_selection_users",
    "drop_excluded",
    "is_flat_list",
    "matrix_of_pairs",
    "pairs_per_user",
    "read_item_selection",
    "read_lists_by_id",
    "select_items",
    "single_id_hint",
]

Parameter = Literal["candidates", "exclude"]
LABELS: dict[str, str] = {"candidates": "candidate", "exclude": "excluded item"}  # names of their ids in errors


@dataclass(frozen=True)
class Pairs:
    """User-item pairs, which define a separate list of items for each user.

    Attributes
    ----------
    users, items : IdColumn
        User and item of each pair. If an id in ``users.ids`` occurs in no pair, the list of this user is empty.
    from_dict : bool
        Whether the pairs were read from a dict. Unknown keys in a dict cause a warning.
    """

    users: IdColumn
    items: IdColumn
    from_dict: bool = False


# Sorted distinct ids, the same for all users; pairs of a user and an item; or all items without interactions.
ItemSelection = np.ndarray | Pairs | Literal["cold"]


def read_item_selection(
    value: Any, parameter: Parameter, owner: str | None = "user", target: str = "item"
) -> ItemSelection | None:
    """Read a selection of items: a list of ids, a table of pairs, a dict of lists, or "cold".

    Parameters
    ----------
    value : Any
        Value of the parameter.
    parameter : {"candidates", "exclude"}
        Name of the parameter, which is used in error messages.
    owner : str or None, default="user"
        Whether users or items can have separate lists: "user" or "item". If None, tables of pairs and dicts are
        rejected.
    target : str, default="item"
        Whether to select items or users.

    Returns
    -------
    ItemSelection or None
        The selection, or None if `value` is None or if nothing is excluded.

    Raises
    ------
    TypeError, ValueError
        If `value` has an unsupported format, or if there are no candidates.
    """
    if value is None:
        return None
    if isinstance(value, str) and value == "cold" and parameter == "candidates":
        return "cold"
    paired = isinstance(value, Mapping) or _is_table(value)
    if (paired and owner is None) or not (paired or _is_list(value)):
        # A string has the right type, as "cold" is one, but the wrong value.
        raise (ValueError if isinstance(value, str) else TypeError)(_forms_error(value, parameter, owner, target))
    if isinstance(value, Mapping):
        selection: ItemSelection | None = read_lists_by_id(value, parameter, str(owner), target)
    elif paired:
        selection = _read_table(value, parameter)
    else:
        # Arrays and columns keep their types. A MultiIndex, a generator or a set is read as a list.
        if isinstance(value, pd.MultiIndex) or not hasattr(value, "__array__"):
            value = list(value)
        if owner is not None and isinstance(value, list) and any(_is_nested(element) for element in value):
            selection = _read_table(_array_of_pairs(value, parameter, owner, target), parameter)
        else:
            selection = _read_list(value, parameter, str(owner), target)
    if selection is None and parameter == "candidates":
        raise ValueError(f"candidates is empty: give at least one {target}, or None for all known {target}s.")
    return selection


def pairs_per_user(selection: ItemSelection | None) -> Pairs | None:
    """Return the selection if it has a separate list for each user, otherwise return None."""
    return selection if isinstance(selection, Pairs) else None


def select_items(
    selection: ItemSelection | None,
    known: np.ndarray,
    interactions: sp.csr_array | None,
    target: str,
    new: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and row indices of all items that may be recommended to any user.

    Parameters
    ----------
    selection : ItemSelection or None
        Value of `candidates`. If None, all known items and all new items are selected.
    known : ndarray
        Sorted ids of the items that the model knows.
    interactions : csr_array of shape (n_users, n_items) or None
        Interactions passed to fit, or None if the model does not keep them.
    target : {"item", "user"}
        Whether to select items or users.
    new : ndarray or None
        Sorted ids that the model does not know, but for which the query contains features or a history.

    Returns
    -------
    ids : ndarray
        Sorted ids.
    rows : ndarray of the same length
        Row index of each id in the model, or -1 if the id is unknown.
    """
    if isinstance(selection, np.ndarray | Pairs):
        ids = selection.items.ids if isinstance(selection, Pairs) else selection
        return ids, lookup(known, IdColumn(np.arange(len(ids)), ids), LABELS["candidates"])
    ids, rows = known, np.arange(len(known))
    if new is not None and len(new):
        place = np.searchsorted(known, new)
        ids, rows = np.insert(known, place, new), np.insert(rows, place, -1)
    if selection is None:
        return ids, rows
    if interactions is None:
        raise ValueError(
            f"candidates='cold' selects the {target}s without interactions in fit, but an index by cosine does not "
            f"keep interactions. Pass the ids of these {target}s."
        )
    counts = interactions.count_nonzero(axis=0 if target == "item" else 1)
    cold = np.append(counts, 0)[rows] == 0
    if not cold.any():
        raise ValueError(
            f"candidates='cold' selects the {target}s without interactions in fit, but all {len(known)} {target}s of "
            f"the recommender have interactions. Pass the features of further {target}s to fit as {target}_features, "
            f"for example cross_val_score(..., params={{'{target}_features': F}})."
        )
    return ids[cold], rows[cold]


def drop_excluded(
    ids: np.ndarray, rows: np.ndarray, excluded: ItemSelection | None, target: str
) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the ids that are excluded from all lists, and their row indices.

    `ids` must be sorted, and `target` is "item" or "user".
    """
    if not isinstance(excluded, np.ndarray):
        return ids, rows
    place = lookup(ids, IdColumn(np.arange(len(excluded)), excluded), f"excluded {target}")
    keep = np.ones(len(ids), dtype=bool)
    keep[place[place >= 0]] = False
    return ids[keep], rows[keep]


def matrix_of_pairs(pairs: Pairs, users: IdColumn, item_ids: np.ndarray) -> sp.csr_array:
    """Convert pairs to a 0/1 matrix with one row per user in the query and one column per item.

    Pairs whose user is not in the query, or whose item has no column, are skipped. The column indices are sorted within
    each row.
    """
    rows = lookup(users.ids, pairs.users, "user", "the users of the query are")
    columns = lookup(item_ids, pairs.items, "item", "the candidates are")
    matrix = pair_matrix(rows, columns, (len(users.ids), len(item_ids)))
    return matrix if are_all(users.codes, len(users.ids)) else sp.csr_array(matrix[users.codes])


def check_selection_users(
    selection: ItemSelection | None, parameter: Parameter, owner: str, query_ids: np.ndarray, known: np.ndarray
) -> None:
    """Check the users for whom `candidates` or `exclude` contains a separate list.

    Users who are not in the query are allowed because the same table may be passed with several queries. A table may
    also contain users that the model does not know. For example, the table may be a log of recent interactions. In a
    dict, an unknown key causes a warning because it is probably misspelled.

    Parameters
    ----------
    selection : ItemSelection or None
        The selection. It is only checked if it has a separate list for each user.
    parameter : {"candidates", "exclude"}
        Name of the parameter, which is used in error messages.
    owner : {"user", "item"}
        Whether users or items have separate lists.
    query_ids, known : ndarray
        Sorted ids in the query and in the model.
    """
    if not isinstance(selection, Pairs) or not len(query_ids):
        return
    users = selection.users
    check_same_kind(users.ids, query_ids, f"The {owner} ids of {parameter}", f"the {owner}s of the query are")
    in_query = find_positions(users.ids, query_ids, owner) >= 0
    unknown = ~in_query & (find_positions(users.ids, known, owner) < 0)
    first = show_id(users.ids[int(np.argmax(unknown))])
    if unknown.all():
        raise ValueError(
            f"None of the {len(unknown)} {owner}s of {parameter} (first: {first}) is in the query or known to the "
            f"recommender. The keys of a dict, or the first column of a table, must be {owner} ids."
        )
    if parameter == "candidates" and not in_query.any():
        raise ValueError(
            f"None of the {len(query_ids)} {owner}s of the query (first: {show_id(query_ids[0])}) has candidates: "
            f"candidates contains only other {owner}s (first: {show_id(users.ids[0])})."
        )
    if selection.from_dict and unknown.any():
        warnings.warn(
            f"{unknown.sum()} of the {len(unknown)} {owner}s of {parameter} are neither in the query nor known to the "
            f"recommender (first: {first}). Their lists are ignored.",
            UserWarning,
            stacklevel=levels_inside(),
        )


def _read_list(value: Any, parameter: Parameter, owner: str, target: str) -> np.ndarray | None:
    array = id_array(value, LABELS[parameter])
    if array.dtype == object and any(_is_nested(element) for element in array):
        raise TypeError(
            f"{parameter} holds lists of {target} ids. To give each {owner} their own list, pass a dict of {owner} to "
            f"{target} ids, such as {parameter}.to_dict() of a pandas Series indexed by {owner}, or a table of pairs "
            f"of {owner} and {target}."
        )
    return check_id_list(array, LABELS[parameter]).ids if len(array) else None


def _read_table(value: Any, parameter: Parameter) -> Pairs | None:
    if not isinstance(value, InteractionSource) and not hasattr(value, "collect"):
        if not value.shape[0]:
            return None
        _refuse_one_column(value, parameter)
    table = check_interactions(value, name=parameter, weighted=False)
    return Pairs(table.users, table.items)


def read_lists_by_id(value: Mapping[Any, Any], parameter: str, owner: str, target: str) -> Pairs | None:
    """Read a dict of lists of ids, for example the items of each user. Return None if the dict is empty."""
    if not value:
        return None
    lists = []
    for key, ids in value.items():
        if not _is_list(ids):
            raise TypeError(
                f"{parameter}[{key!r}] must be a list of {target} ids, got {reprlib.repr(ids)} of type "
                f"{type(ids).__name__}.{single_id_hint(ids)}"
            )
        lists.append(np.asarray(id_array(ids, f"{parameter}[{key!r}]")))
    owners = check_id_list(list(value), owner)
    users = IdColumn(np.repeat(owners.codes, [len(array) for array in lists]), owners.ids)
    filled = [array for array in lists if len(array)]
    if len({array.dtype for array in filled}) != 1:
        filled = [array.astype(object) for array in filled]  # numpy would turn int64 and uint64 into float64
    joined = np.concatenate(filled) if filled else np.empty(0, dtype=object)
    try:
        return Pairs(users, encode_ids(joined, LABELS.get(parameter, target)), from_dict=True)
    except (TypeError, ValueError):
        for key, array in zip(value, lists, strict=True):
            encode_ids(array, f"{parameter}[{key!r}]")  # an error names a row of this list
        raise


def _array_of_pairs(value: list[Any], parameter: Parameter, owner: str, target: str) -> np.ndarray:
    """Convert a list of pairs to an array."""
    widths = [len(element) for element in value if _is_pair(element)] or [2]
    for position, element in enumerate(value):
        if not _is_pair(element) or len(element) != widths[0]:
            raise ValueError(
                f"{parameter} must be a list of {target} ids or a list of pairs of {owner} and {target}, but element "
                f"{position} is {reprlib.repr(element)} of type {type(element).__name__}. To give each {owner} their "
                f"own list, pass a dict of {owner} to {target} ids."
            )
    return np.array(value, dtype=object)


def _refuse_one_column(table: Any, parameter: Parameter) -> None:
    if table.shape[1] == 1:
        first = (columns_of(table)[1] or [""])[0]
        column = f"{parameter}[{first!r}]" if frame_library(table) else f"{parameter}[:, 0]"
        raise ValueError(
            f"{parameter} has one column: a table must have two, users and items. For a list of ids, pass the column "
            f"itself, for example {column}."
        )


def _is_table(value: Any) -> bool:
    if isinstance(value, InteractionSource) or frame_library(value) is not None or hasattr(value, "collect"):
        return True
    return getattr(value, "ndim", 1) == 2 and not sp.issparse(value)


def _is_list(value: Any) -> bool:
    """Return whether a value is a list, an array or another collection of ids.

    A single id is not a list. A sparse matrix is not a list either because iterating over it does not yield ids.
    """
    if isinstance(value, (str, *BYTES, Mapping)) or sp.issparse(value) or not isinstance(value, Iterable):
        return False
    return getattr(value, "ndim", 1) > 0 and getattr(getattr(value, "dtype", None), "names", None) is None


def is_flat_list(value: Any) -> bool:
    """Return whether a value is a list of ids, and neither a table nor a list of lists."""
    if not _is_list(value) or _is_table(value) or isinstance(value, pd.MultiIndex):
        return False
    return not any(_is_nested(element) for element in value)


def _is_nested(element: Any) -> bool:
    return not isinstance(element, (str, int, *BYTES)) and isinstance(element, Iterable)


def _is_pair(element: Any) -> bool:
    return isinstance(element, Sequence | np.ndarray) and _is_nested(element) and len(element) in (2, 3)


def _forms_error(value: Any, parameter: Parameter, owner: str | None, target: str) -> str:
    """Return an error message that lists the accepted formats of a parameter."""
    forms = [f"a list of {target} ids"]
    if owner is not None:
        forms += [f"a table of pairs of {owner} and {target}", f"a dict of {owner} to {target} ids"]
    if parameter == "candidates":
        forms.append("'cold'")
    got = f"{reprlib.repr(value)} of type {type(value).__name__}"
    single = single_id_hint(value, parameter)
    return f"{parameter} must be {', '.join(forms)} or None, got {got}.{single}"


def single_id_hint(value: Any, parameter: str = "") -> str:
    """Return a hint for the error message if the value is a single id."""
    if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool):
        return f" For a single id, write {parameter}{'=' if parameter else ''}[{show_id(value)}]."
    return " Decode it first: id.decode()." if isinstance(value, BYTES) else ""
