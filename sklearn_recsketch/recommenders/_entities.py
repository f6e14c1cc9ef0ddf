"""Users or items of a model: their ids, their features, and how embeddings add up to vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_recsketch._data.feature_ids import check_feature_ids
from sklearn_recsketch._data.ids import IdColumn, check_same_kind, find_positions, lookup, show_id, union
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import reindex_matrix
from sklearn_recsketch._data.pair_sums import add_matrices, sum_pairs
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures, check_side_features
from sklearn_recsketch.utils._threads import even_ranges

__all__ = ["Entities", "FitData", "gather_fit_data"]


CARRIED_ROWS = 8192
SIDES = ("user", "item")


class FitData(NamedTuple):
    """Users and items of a fit, sorted, and their interactions.

    Attributes
    ----------
    users, items : ndarray
        Ids.
    interactions : csr_array of shape (n_users, n_items)
        All strengths.
    new : csr_array of the same shape
        Those of the table at hand alone.
    """

    users: np.ndarray
    items: np.ndarray
    interactions: sp.csr_array
    new: sp.csr_array


def gather_fit_data(
    interactions: Interactions,
    user_features: SideFeatures | None,
    item_features: SideFeatures | None,
    earlier: Any = None,
) -> FitData:
    """Users and items of a fit, and the matrix of their interactions.

    Known are the ids with interactions of positive strength, those of the features and, where
    `earlier` is a fitted recommender, its own, whose interactions are added.

    Raises
    ------
    ValueError
        Where no row has a positive strength, and where the features are of other ids.
    """
    sums = sum_pairs(interactions)
    if not sums.has_users.any():
        raise ValueError(
            f"None of the {len(interactions.y)} rows of X has a positive strength, so there is no interaction to learn "
            f"from. Strength is y times the weight column, if X has one."
        )
    tables = (user_features, item_features)
    own = list(sums.present(interactions.users, interactions.items))
    if earlier is not None:
        own = [
            _union(ids, getattr(earlier, f"{name}s_"), name, "earlier fits")
            for name, ids in zip(SIDES, own, strict=True)
        ]
    ids = list(own)
    for side, (name, features) in enumerate(zip(SIDES, tables, strict=True)):
        if features is not None:
            described = check_side_features(features, f"{name}_features").ids
            # Later features may be of new ids alone; a baseline keeps none, so that nobody knows what it had.
            first = earlier is None or getattr(earlier, f"{name}_features_", features) is None
            check_feature_ids(name, described, own[side], own[1 - side], first)
            ids[side] = _union(own[side], described, name, f"{name}_features")
    users, items = ids
    new = total = reindex_matrix(sums.matrix, interactions, users, items)
    if earlier is not None:
        rows, columns = find_positions(earlier.users_, users, "user"), find_positions(earlier.items_, items, "item")
        total = add_matrices(earlier.interactions_, rows, columns, new)
    return FitData(users, items, total, new)


def _union(ids: np.ndarray, others: np.ndarray, name: str, origin: str) -> np.ndarray:
    check_same_kind(ids, others, f"The {name} ids of X", f"those of {origin} are")
    return union(ids, others, name)


@dataclass(frozen=True)
class Entities:
    """Users or items with what turns embeddings into their vectors.

    Attributes
    ----------
    ids : ndarray of shape (n,)
        Sorted.
    active : ndarray of shape (n,), dtype bool
        Which of them have interactions. The others are known by their features only and take no
        part in training: as negatives for everybody they would be pushed away from all users.
    features : SideFeatures or None
        Aligned to `ids`.
    encoder : SideFeatureEncoder or None
        Fitted on `features`.
    design : csr_array of shape (n, n_embeddings) or None
        Coefficients of the embeddings in each vector; None means one embedding each.
    """

    ids: np.ndarray
    active: np.ndarray
    features: SideFeatures | None
    encoder: SideFeatureEncoder | None
    design: sp.csr_array | None

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
        """Encode the features of `ids`; an encoder of None is the default one.

        Features that `earlier` entities had keep their weights: embeddings learnt with them go on meaning
        the same.
        """
        active = n_interactions > 0
        if features is None:
            return cls(ids, active, None, None, None)
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
                f"identity=False, nothing to represent them by. Use SideFeatureEncoder(identity=True)."
            )
        return cls(ids, active, aligned, fitted, design)

    @classmethod
    def all_active(cls, ids: np.ndarray) -> Entities:
        """Entities without features, none of whom is known by features only."""
        return cls(ids, np.ones(len(ids), dtype=bool), None, None, None)

    def attributes(self, name: str, n_interactions: np.ndarray) -> dict[str, Any]:
        """What a fitted recommender keeps of them."""
        return {
            f"{name}s_": self.ids,
            f"{name}_features_": self.features,
            f"{name}_encoder_": self.encoder,
            f"_active_{name}": self.active,
            f"_n_interactions_{name}": n_interactions,
            f"_design_{name}": self.design,
        }

    @property
    def n_identity(self) -> int:
        """Number of embeddings that belong to one id; they come first."""
        return len(self.ids) if self.encoder is None or self.encoder.identity else 0

    @property
    def n_embeddings(self) -> int:
        """Number of embeddings."""
        return len(self.ids) if self.design is None else int(self.design.shape[1])

    @property
    def active_design(self) -> sp.csr_array | None:
        """Rows of `design` that take part in training."""
        return None if self.design is None else sp.csr_array(self.design[np.flatnonzero(self.active)])

    def vectors(self, embeddings: np.ndarray) -> np.ndarray:
        """Sums of embeddings, float32."""
        if self.design is None:
            return embeddings
        return np.asarray(self.design @ embeddings, dtype=np.float32)

    def feature_vectors(self, embeddings: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """What features alone, without the identity, add to the vectors of rows by number; 0 for -1."""
        if self.design is None:
            return np.zeros((len(codes), embeddings.shape[1]), dtype=np.float32)
        chosen = self.design[np.maximum(codes, 0)][:, self.n_identity :]
        vectors = np.asarray(chosen @ embeddings[self.n_identity :], dtype=np.float32)
        vectors[codes < 0] = 0
        return vectors

    def described(
        self, embeddings: np.ndarray, asked: IdColumn, features: SideFeatures, n_interactions: np.ndarray, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which of the asked ids have features given with a query, and what these add to their vectors."""
        if self.encoder is None:
            raise ValueError(
                f"{name}_features were given, but the model was fitted without any, so it has no embeddings of "
                f"features. Pass {name}_features to fit, too."
            )
        place = lookup(self.ids, IdColumn(np.arange(len(features.ids)), features.ids), name)
        counts = np.where(place >= 0, n_interactions[place], 0)
        block = self.encoder.transform(features, n_interactions=counts)[:, self.n_identity :]
        position = lookup(features.ids, asked, name, f"those of {name}_features are")
        # Without an identity, features that say nothing would leave nothing: such an id stays the mean vector.
        says = (np.diff(block.indptr) > 0) | bool(self.n_identity)
        rows = np.flatnonzero((position >= 0) & says[position])
        return rows, np.asarray(block[position[rows]] @ embeddings[self.n_identity :], dtype=np.float32)

    def own_vectors(self, embeddings: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """What identities alone add to the vectors of rows by number; the mean one for -1."""
        if not self.n_identity:
            return np.zeros((len(codes), embeddings.shape[1]), dtype=np.float32)
        own = embeddings[np.maximum(codes, 0)]
        own[codes < 0] = self.mean_identity(embeddings)
        return np.asarray(self.identity_weight * own, dtype=np.float32)

    def parts(self, embeddings: np.ndarray, code: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the embeddings in the vector of a row by number, and what each adds, float64; none for -1."""
        if code < 0:
            return np.zeros(0, dtype=np.intp), np.zeros((0, embeddings.shape[1]))
        if self.design is None:
            return np.array([code]), embeddings[[code]].astype(np.float64)
        row = self.design[[code]]
        return row.indices, row.data[:, None].astype(np.float64) * embeddings[row.indices]

    @property
    def identity_weight(self) -> float:
        """Coefficient of an identity embedding."""
        return 1.0 if self.encoder is None else float(self.encoder.identity_weight)

    def complete(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings with the identity of ids without interactions set to the mean of the others'."""
        cold = np.flatnonzero(~self.active)
        if not len(cold) or not self.n_identity:
            return embeddings
        complete = embeddings.copy()
        complete[cold] = self.mean_identity(embeddings)
        return complete

    def mean_identity(self, embeddings: np.ndarray) -> np.ndarray:
        """Mean identity embedding of the ids with interactions; zeros where there is no identity block."""
        if not self.n_identity:
            return np.zeros_like(embeddings[0])
        own = self._active_of(embeddings[: self.n_identity])
        return np.asarray(own.mean(axis=0, dtype=np.float64), dtype=embeddings.dtype)

    def _active_of(self, rows: np.ndarray) -> np.ndarray:
        """Those of active ids; all of them are not copied."""
        return rows if self.active.all() else rows[self.active]

    def unknown_vector(self, embeddings: np.ndarray) -> np.ndarray:
        """Vector of an id that is not known: the mean identity embedding, or the mean vector without an identity."""
        if self.n_identity:
            return np.asarray(self.identity_weight * self.mean_identity(embeddings), dtype=embeddings.dtype)
        return np.asarray(self._active_of(self.vectors(embeddings)).mean(axis=0), dtype=embeddings.dtype)

    def _learnt_by(self, old: Entities) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers, here and in `old`, of the ids that had interactions there."""
        if old.ids.dtype != self.ids.dtype:  # integers and strings: a warm start from other data
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        before = np.flatnonzero(old.active)
        found = find_positions(old.ids, self.ids, "id")[before]
        return found[found >= 0], before[found >= 0]

    def carry(self, old: Entities, old_embeddings: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """`fresh` embeddings of these entities, overwritten by those that `old` has, by id and by feature name."""
        if self.n_identity and old.n_identity:
            known, before = self._learnt_by(old)
            for start, stop in even_ranges(len(known), CARRIED_ROWS):  # a copy of all would be of the model's size
                fresh[known[start:stop]] = old_embeddings[before[start:stop]]
        if self.encoder is not None and old.encoder is not None:
            found = np.asarray(pd.Index(old.encoder.feature_names_).get_indexer(pd.Index(self.encoder.feature_names_)))
            known = np.flatnonzero(found >= 0)
            fresh[self.n_identity + known] = old_embeddings[old.n_identity + found[known]]
        return fresh

    def carry_vectors(self, old: Entities, old_embeddings: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """The same, so that vectors stay what they were: identities make up for features that came, went or changed."""
        carried = self.carry(old, old_embeddings, fresh)
        if not (self.n_identity and old.n_identity) or (self.design is None and old.design is None):
            return carried
        known, before = self._learnt_by(old)
        away = old.vectors(old_embeddings)[before] - self.feature_vectors(carried, known)
        carried[known] = away / np.float32(self.identity_weight)
        return carried
