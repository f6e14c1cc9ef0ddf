"""Read the parameters `history` and `item_history`: a table, a dict of lists, or the items of a single user."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sklearn_recsketch._data.id_lists import BYTES, check_id_list
from sklearn_recsketch._data.ids import IdColumn, find_positions
from sklearn_recsketch._data.interactions import Interactions, check_history
from sklearn_recsketch._ranking.candidates import is_flat_list, read_lists_by_id, single_id_hint

__all__ = ["read_history"]


def read_history(value: Any, name: str, users: Any, known_users: np.ndarray) -> Interactions | None:
    """Read the histories of a query.

    Parameters
    ----------
    value : Any
        A table of interactions, a dict with a list of ids for each user (or for each item, if `name` is "item"), or a
        list with the items of a single user.
    name : {"user", "item"}
        Whether the histories belong to users or to items.
    users : Any
        The argument `users` of `recommend`. A list of items belongs to this user, if it is a single one.
    known_users : ndarray
        Sorted ids of the users that the model knows.

    Returns
    -------
    Interactions or None
        None if `value` is None or contains no items. An empty list is the history of a user without interactions, and
        an empty dict or table is the history of no users.
    """
    parameter, other = ("history", "item") if name == "user" else ("item_history", "user")
    if isinstance(value, Iterator):
        value = list(value)
    if isinstance(value, Mapping):
        pairs = read_lists_by_id(value, parameter, name, other)
        if pairs is None:
            return NOBODY if name == "user" else None
        columns = (pairs.users, pairs.items) if name == "user" else (pairs.items, pairs.users)
        return _interactions(*columns)
    if name == "user" and is_flat_list(value):
        items = check_id_list(value, "item")
        return _interactions(_single_user(users, known_users, len(items.codes)), items)
    if isinstance(value, (str, int, float, np.generic, *BYTES)) or getattr(value, "shape", None) == ():
        forms = ["a table of interactions", f"a dict of {name} to {other} ids"]
        forms += ["a list of items"] if name == "user" else []
        hint = single_id_hint(value, parameter) if name == "user" else ""
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{parameter} must be {', '.join(forms)} or None, got {reprlib.repr(value)}.{hint}")
    history = check_history(value, parameter)
    return NOBODY if history is None and value is not None and name == "user" else history


def _nobody() -> IdColumn:
    return IdColumn(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))


def _interactions(users: IdColumn, items: IdColumn) -> Interactions:
    return Interactions(users, items, np.broadcast_to(1.0, len(items.codes)), None, None, None)


NOBODY = _interactions(_nobody(), _nobody())  # histories without users


def _single_user(users: Any, known: np.ndarray, n_rows: int) -> IdColumn:
    """Return a column with the only user of a query, or with an anonymous user if the query has no users."""
    if users is not None:
        ids = check_id_list(users, "user").ids
        if len(ids) != 1:
            raise ValueError(
                f"history is a list of items, which must belong to a single user, but {len(ids)} users were passed. "
                f"Pass a dict of user to items, such as {{'ann': [item, ...]}}, or a table of users and items."
            )
    else:
        anonymous = "anonymous" if known.dtype.kind == "O" else -1
        ids = np.array([anonymous], dtype=known.dtype)
        if find_positions(ids, known, "user")[0] >= 0:
            raise ValueError(
                f"history is a list of items without a user, but the id {anonymous!r} of anonymous users belongs to a "
                f"known user. Pass another id as users, or a dict of user to items."
            )
    return IdColumn(np.zeros(n_rows, dtype=np.int32), ids)
