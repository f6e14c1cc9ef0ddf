"""Users or items of a model: their ids, their side features and the embeddings that add up to their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_recsketch._data.ids import IdColumn, are_all, find_positions, lookup, show_id
from sklearn_recsketch._ranking.unknown_ids import warn_unknown_features
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._threads import even_ranges

__all__ = ["Entities", "FittedSide", "embedding_attributes", "entity_attributes"]

ROWS_PER_COPY = 8192


@dataclass(frozen=True)
class Entities:
    """Users or items of a model.

    The vector of each user or item is a weighted sum of embeddings.

    Attributes
    ----------
    ids : ndarray of shape (n,)
        Sorted ids.
    active : ndarray of shape (n,), dtype bool
        True for ids with interactions. Ids that only have side features do not take part in training. If they took
        part, they would be negative samples for every user and would be pushed away from all users.
    n_interactions : ndarray of shape (n,)
        Number of interactions of each id in training.
    features : SideFeatures or None
        Side features, in the order of `ids`.
    encoder : SideFeatureEncoder or None
        Encoder fitted on `features`.
    design : csr_array of shape (n, n_embeddings) or None
        Weight of each embedding in each vector. If None, each id has a single embedding, which is its vector.
    """

    ids: np.ndarray
    active: np.ndarray
    n_interactions: np.ndarray
    features: SideFeatures | None = None
    encoder: SideFeatureEncoder | None = None
    design: sp.csr_array | None = None

    @classmethod
    def build(
        cls,
        ids: np.ndarray,
        n_interactions: np.ndarray,
        features: SideFeatures | None,
        encoder: SideFeatureEncoder | None,
        name: str,
        earlier: Entities | None = None,
    ) -> Entities:
        """Encode the side features of `ids`.

        If `encoder` is None, the default encoder is used. Features that occur in `earlier` keep their weights, so that
        their embeddings remain valid.
        """
        active = n_interactions > 0
        if features is None:
            return cls(ids, active, n_interactions)
        aligned = features.align(ids, name)
        fitted = SideFeatureEncoder() if encoder is None else clone(encoder)
        fitted.fit(aligned)
        if earlier is not None and earlier.encoder is not None:
            fitted._keep_weights(earlier.encoder)
        design = fitted.transform(aligned, n_interactions=n_interactions)
        empty = active & (np.diff(design.indptr) == 0)
        if empty.any():
            first = show_id(ids[int(np.argmax(empty))])
            raise ValueError(
                f"{int(empty.sum())} {name}s with interactions (first: {first}) have no features and, with "
                f"identity=False, no embedding at all. Use SideFeatureEncoder(identity=True)."
            )
        return cls(ids, active, n_interactions, aligned, fitted, design)

    @property
    def n_identity(self) -> int:
        """Number of identity embeddings.

        Each identity embedding belongs to one id. The identity embeddings come before the feature embeddings.
        """
        return len(self.ids) if self.encoder is None or self.encoder.identity else 0

    @property
    def n_embeddings(self) -> int:
        """Number of identity embeddings and feature embeddings in total."""
        return len(self.ids) if self.design is None else int(self.design.shape[1])

    @property
    def active_design(self) -> sp.csr_array | None:
        """Rows of `design` that belong to active ids and take part in training."""
        return None if self.design is None else sp.csr_array(self.design[np.flatnonzero(self.active)])

    @property
    def identity_weight(self) -> float:
        """Weight of each identity embedding in the vector of its id."""
        return 1.0 if self.encoder is None else float(self.encoder.identity_weight)

    # Vectors.

    def vectors(self, embeddings: np.ndarray) -> np.ndarray:
        """Compute the vectors of all ids from the embeddings, in float32."""
        if self.design is None:
            return embeddings
        return np.asarray(self.design @ embeddings, dtype=np.float32)

    def feature_vectors(self, embeddings: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Sum the feature embeddings of each row, excluding its identity embedding.

        `codes` holds row indices. The result for row index -1 is zero.
        """
        if self.design is None:
            return np.zeros((len(codes), embeddings.shape[1]), dtype=np.float32)
        chosen = self.design[np.maximum(codes, 0)][:, self.n_identity :]
        vectors = np.asarray(chosen @ embeddings[self.n_identity :], dtype=np.float32)
        vectors[codes < 0] = 0
        return vectors

    def identity_vectors(self, embeddings: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the identity embeddings of rows, multiplied by the identity weight.

        `codes` holds row indices. Row index -1 stands for the mean identity embedding.
        """
        if not self.n_identity:
            return np.zeros((len(codes), embeddings.shape[1]), dtype=np.float32)
        identities = embeddings[np.maximum(codes, 0)]
        identities[codes < 0] = self.mean_identity(embeddings)
        return np.asarray(self.identity_weight * identities, dtype=np.float32)

    def new_feature_vectors(
        self, embeddings: np.ndarray, queried: IdColumn, features: SideFeatures, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the queried ids that have `features`, and sum their feature embeddings.

        The result holds the positions of these ids in the query, and one sum for each of them.
        """
        if self.encoder is None:
            raise ValueError(
                f"{name}_features were passed, but the model was fitted without any, so it has no embeddings of "
                f"features. Pass {name}_features to fit as well."
            )
        place = lookup(self.ids, IdColumn(np.arange(len(features.ids)), features.ids), name)
        counts = np.where(place >= 0, self.n_interactions[place], 0)
        block = self.encoder.transform(features, n_interactions=counts)[:, self.n_identity :]
        position = lookup(features.ids, queried, name, f"those of {name}_features are")
        if self.features is not None:
            warn_unknown_features(name, features, position[position >= 0], block, self.features)
        # Without an identity, an id with only unknown features would have no vector, so it keeps the mean vector.
        has_vector = (np.diff(block.indptr) > 0) | bool(self.n_identity)
        rows = np.flatnonzero((position >= 0) & has_vector[position])
        return rows, np.asarray(block[position[rows]] @ embeddings[self.n_identity :], dtype=np.float32)

    def parts(self, embeddings: np.ndarray, code: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the embeddings that add up to a row, and their contributions in float64.

        Both arrays are empty for row index -1.
        """
        if code < 0:
            return np.zeros(0, dtype=np.intp), np.zeros((0, embeddings.shape[1]))
        if self.design is None:
            return np.array([code]), embeddings[[code]].astype(np.float64)
        row = self.design[[code]]
        return row.indices, row.data[:, None].astype(np.float64) * embeddings[row.indices]

    # Ids without interactions, and unknown ids.

    def complete(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the embeddings, in which each id without interactions has the mean identity embedding."""
        cold = np.flatnonzero(~self.active)
        if not len(cold) or not self.n_identity:
            return embeddings
        complete = embeddings.copy()
        complete[cold] = self.mean_identity(embeddings)
        return complete

    def mean_identity(self, embeddings: np.ndarray) -> np.ndarray:
        """Compute the mean identity embedding of the ids with interactions.

        The result is zero if there are no identity embeddings.
        """
        if not self.n_identity:
            return np.zeros_like(embeddings[0])
        identities = self._active_rows(embeddings[: self.n_identity])
        return np.asarray(identities.mean(axis=0, dtype=np.float64), dtype=embeddings.dtype)

    def unknown_vector(self, embeddings: np.ndarray) -> np.ndarray:
        """Compute the vector of an unknown id.

        This vector is the mean identity embedding, multiplied by the identity weight. If there are no identity
        embeddings, it is the mean vector.
        """
        if self.n_identity:
            return np.asarray(self.identity_weight * self.mean_identity(embeddings), dtype=embeddings.dtype)
        return np.asarray(self._active_rows(self.vectors(embeddings)).mean(axis=0), dtype=embeddings.dtype)

    def _active_rows(self, rows: np.ndarray) -> np.ndarray:
        """Select the rows of active ids, without a copy if all ids are active."""
        return rows if self.active.all() else rows[self.active]

    # Continued training.

    def carry(self, old: Entities, old_embeddings: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """Overwrite embeddings in `fresh` with the embeddings of `old` for the same ids and feature names."""
        if self.n_identity and old.n_identity:
            known, before = self.trained_by(old)
            for start, stop in even_ranges(len(known), ROWS_PER_COPY):  # a copy of all would be as large as the model
                fresh[known[start:stop]] = old_embeddings[before[start:stop]]
        if self.encoder is not None and old.encoder is not None:
            found = np.asarray(pd.Index(old.encoder.feature_names_).get_indexer(pd.Index(self.encoder.feature_names_)))
            known = np.flatnonzero(found >= 0)
            fresh[self.n_identity + known] = old_embeddings[old.n_identity + found[known]]
        return fresh

    def carry_vectors(self, old: Entities, old_embeddings: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """Carry over embeddings of an earlier fit so that the vectors stay the same.

        If side features have changed, the identity embeddings compensate for the change.
        """
        carried = self.carry(old, old_embeddings, fresh)
        if not (self.n_identity and old.n_identity) or (self.design is None and old.design is None):
            return carried
        known, before = self.trained_by(old)
        difference = old.vectors(old_embeddings)[before] - self.feature_vectors(carried, known)
        carried[known] = difference / np.float32(self.identity_weight)
        return carried

    def trained_by(self, old: Entities) -> tuple[np.ndarray, np.ndarray]:
        """Find the ids that had interactions in `old`, and return their row indices in `self` and in `old`."""
        if old.ids.dtype != self.ids.dtype:  # integers and strings, after a warm start from other data
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        before = np.flatnonzero(old.active)
        found = find_positions(old.ids, self.ids, "id")[before]
        return found[found >= 0], before[found >= 0]


class FittedSide(NamedTuple):
    """Users or items of a fitted model, with their embeddings.

    Attributes
    ----------
    name : {"user", "item"}
    entities : Entities
    embeddings : ndarray of shape (n_embeddings, n_components)
        Identity embeddings, if any, followed by the feature embeddings.
    factors : ndarray of shape (n, n_components)
        Vectors, in the order of the ids.
    unknown : ndarray of shape (n_components,)
        Vector that represents an unknown id.
    """

    name: str
    entities: Entities
    embeddings: np.ndarray
    factors: np.ndarray
    unknown: np.ndarray

    @property
    def ids(self) -> np.ndarray:
        """Sorted ids."""
        return self.entities.ids

    def vectors(self, codes: np.ndarray) -> np.ndarray:
        """Return the vectors of ids, given their row indices.

        Row index -1 stands for an unknown id. If the codes are those of all ids in order, the result is `factors`.
        """
        if are_all(codes, len(self.factors)):
            return self.factors
        vectors = self.factors[codes]
        vectors[codes < 0] = self.unknown
        return vectors


def entity_attributes(users: Entities, items: Entities) -> dict[str, Any]:
    """Return the fitted user and item attributes that training does not change.

    The method `_side` of a recommender reads these attributes.
    """
    return {
        "users_": users.ids,
        "user_features_": users.features,
        "user_encoder_": users.encoder,
        "_active_users": users.active,
        "_n_interactions_of_users": users.n_interactions,
        "_user_design": users.design,
        "items_": items.ids,
        "item_features_": items.features,
        "item_encoder_": items.encoder,
        "_active_items": items.active,
        "_n_interactions_of_items": items.n_interactions,
        "_item_design": items.design,
    }


def embedding_attributes(sides: tuple[Entities, Entities], trained: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Compute the fitted attributes that depend on the trained embeddings of users and items."""
    users, items = (entities.complete(embeddings) for entities, embeddings in zip(sides, trained, strict=True))
    return {
        "user_embeddings_": users,
        "user_factors_": sides[0].vectors(users),
        "_unknown_user": sides[0].unknown_vector(trained[0]),
        "item_embeddings_": items,
        "item_factors_": sides[1].vectors(items),
        "_unknown_item": sides[1].unknown_vector(trained[1]),
    }
