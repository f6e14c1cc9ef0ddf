"""Candidates and exclusions in the queries of an index, by the rules of the recommender's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn, show_id
from sklearn_recsketch._ranking.candidates import ItemSelection, Pairs, matrix_of_pairs, pairs_per_user, select_items
from sklearn_recsketch._ranking.eligible import Eligible, eligible
from sklearn_recsketch.serving._contents import Contents
from sklearn_recsketch.serving._vectors import id_name

__all__ = ["eligible_rows", "left_out"]


def left_out(
    contents: Contents, asked: IdColumn, rows: np.ndarray, unwanted: ItemSelection | None, seen: bool
) -> sp.csr_array | None:
    """What each query must not get: what it has seen, or itself, where `seen`, and the unwanted."""
    parts = [contents.left_out(rows) if seen else None]
    if isinstance(unwanted, np.ndarray):
        n = len(asked.ids)
        everyone = IdColumn(np.repeat(np.arange(n), len(unwanted)), asked.ids)
        unwanted = Pairs(everyone, IdColumn(np.tile(np.arange(len(unwanted)), n), unwanted))
    if isinstance(unwanted, Pairs):
        parts.append(matrix_of_pairs(unwanted, asked, contents.ids).astype(bool))
    matrices = [part for part in parts if part is not None]
    return sp.csr_array(sum(matrices[1:], start=matrices[0])) if matrices else None


def eligible_rows(
    contents: Contents, asked: IdColumn, chosen: ItemSelection, excluded: sp.csr_array | None
) -> tuple[np.ndarray, Eligible]:
    """Rows of the index that the candidates name, and which of these each query may get."""
    other = id_name(contents.of)
    ids, rows = select_items(chosen, contents.ids, contents.seen, other)
    if (rows < 0).any():
        first: Any = show_id(ids[int(np.argmax(rows < 0))])
        raise ValueError(
            f"The {other} {first} of candidates is unknown to the index, which knows the {other}s the recommender knew "
            f"when it was made. Leave it out, or ask the recommender."
        )
    own = pairs_per_user(chosen)
    among = None if excluded is None else sp.csr_array(excluded[:, rows])
    return rows, eligible(among, None if own is None else matrix_of_pairs(own, asked, ids))
