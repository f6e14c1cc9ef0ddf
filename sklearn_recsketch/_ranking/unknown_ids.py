"""Warn about ids and features in a query that the model does not know."""

from __future__ import annotations

import reprlib
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn, lookup, show_id
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._ranking.query import Query, QueryContext
from sklearn_recsketch.exceptions import UnknownFeatureWarning, UnknownIdWarning
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["warn_of_history", "warn_of_query", "warn_unknown", "warn_unknown_features"]


def warn_unknown(name: str, ids: np.ndarray, unknown: np.ndarray, consequence: str) -> None:
    """Issue a single warning if some ids are unknown.

    Parameters
    ----------
    name : str
        Name of the ids, such as "users" or "candidates".
    ids : ndarray
    unknown : ndarray of the same length, dtype bool
    consequence : str
        End of the message, which says what happens with unknown ids and what to do.
    """
    if unknown.any():
        first = show_id(ids[int(np.argmax(unknown))])
        verb = "is" if unknown.sum() == 1 else "are"
        warnings.warn(
            f"{unknown.sum()} of the {len(ids)} {name} {verb} unknown (first: {first}). {consequence}",
            UnknownIdWarning,
            stacklevel=levels_inside(),
        )


def warn_of_query(query: Query, of_users: QueryContext, of_items: QueryContext, uses_features: bool) -> None:
    """Warn about users and candidates that are not known, and about which the query says nothing.

    If `uses_features` is False, the features in the query do not matter.
    """
    warn_unknown(
        "users",
        query.user_ids,
        (query.user_codes < 0) & _without_context("user", query.users, of_users, uses_features),
        "Their recommendations are not personalized. Pass their interactions as history="
        + (", or their features as user_features=." if uses_features else "."),
    )
    warn_unknown(
        "candidates",
        query.item_ids,
        (query.item_codes < 0) & _without_context("item", query.items, of_items, uses_features),
        "There are no data on which to base their scores. Check their ids"
        + (", or pass their features as item_features=." if uses_features else "."),
    )


def warn_of_history(history: Interactions | None, known_items: np.ndarray, of_items: QueryContext) -> None:
    """Warn about items in the histories of users that are neither known nor described in the query."""
    if history is None:
        return
    items = history.items.ids
    everything = IdColumn(np.arange(len(items)), items)
    unknown = lookup(known_items, everything, "item") < 0
    warn_unknown(
        "items in history",
        items,
        unknown & _without_context("item", everything, of_items, True),
        "They say little about a user. Check their ids, or leave them out.",
    )


def warn_unknown_features(
    name: str, features: SideFeatures, queried: np.ndarray, encoded: sp.csr_array, fitted: SideFeatures
) -> None:
    """Issue a single warning if some users or items in a query only have features that did not occur in fit.

    Parameters
    ----------
    name : {"user", "item"}
    features : SideFeatures
        Features in the query.
    queried : ndarray
        Positions in ``features.ids`` of the ids in the query.
    encoded : csr_array of shape (n_ids, n_embeddings)
        Encoded features, without identities.
    fitted : SideFeatures
        Features of the users or items in fit.
    """
    queried, matrix = np.unique(queried), features.matrix
    without_effect = (np.diff(encoded.indptr) == 0) & (np.diff(matrix.indptr) > 0)
    unknown = queried[without_effect[queried]]
    if len(unknown):  # the encoder may also have dropped features that did occur in fit
        names = features.feature_names()
        known = pd.Index(names).isin(fitted.feature_names())
        unknown = unknown[np.diff(matrix[unknown][:, known].indptr) == 0]
    if not len(unknown):
        return
    first = unknown[0]
    example = names[features.matrix.indices[features.matrix.indptr[first]]]
    verb = "has" if len(unknown) == 1 else "have"
    warnings.warn(
        f"{len(unknown)} of the {len(queried)} {name}s with {name}_features {verb} no feature that occurred in fit "
        f"(first: {show_id(features.ids[first])} with {example!r}). Features that did not occur in fit are ignored. "
        f"Keys in fit: {reprlib.repr(sorted(set(fitted.keys)))}. Check the keys and the values.",
        UnknownFeatureWarning,
        stacklevel=levels_inside(),
    )


def _without_context(name: str, queried: IdColumn, context: QueryContext, uses_features: bool) -> np.ndarray:
    ids = (context if uses_features else replace(context, features=None)).ids(name)
    if ids is None:
        return np.ones(len(queried.codes), dtype=bool)
    return lookup(ids, queried, name) < 0
