"""Check that side features and interactions use the same ids."""

from __future__ import annotations

import warnings

import numpy as np

from sklearn_recsketch._data.ids import find_positions, show_id
from sklearn_recsketch.exceptions import IdMismatchWarning
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["check_feature_ids", "refuse_ids_of_other_side"]

# Thresholds of the warnings.
FEW = 0.1  # fraction of the ids of X that have features
HALF = 0.5  # fraction of the ids of X with features, and fraction of the ids with features that are in X
SAME = 0.9  # minimum Jaccard index at which the ids of the features and of the other side count as the same
# maximum Jaccard index at which the ids of the features and of X count as different; it is 0.8 if a fifth is missing
UNLIKE = 2 / 3

OTHER = {"user": "item", "item": "user"}
ARTICLE = {"user": "a", "item": "an"}


def check_feature_ids(name: str, features: np.ndarray, known: np.ndarray, other_side: np.ndarray, first: bool) -> None:
    """Compare the ids of side features with the ids of the interactions.

    It is normal that many ids with features have no interactions, because a catalogue may contain many items that were
    never sold. However, if only a few ids with interactions have features, the features probably use different ids.

    Parameters
    ----------
    name : {"user", "item"}
    features : ndarray
        Sorted ids with features.
    known, other_side : ndarray
        Sorted ids that have interactions or were seen in earlier fits. If `name` is "user", `known` contains user ids
        and `other_side` contains item ids. If `name` is "item", it is the other way round.
    first : bool
        Whether this is the first fit with user features or item features, depending on `name`.

    Raises
    ------
    ValueError
        If none of the `known` ids has features in the first fit with features, or if most of the ids that are not in
        `known` are strings that occur in `other_side`.

    Warns
    -----
    IdMismatchWarning
        If only a few of the `known` ids have features, or if users and items share integer ids and the ids with
        features match `other_side` rather than `known`.
    """
    n_shared = int((_positions(known, features) >= 0).sum())
    swapped = _positions(features, other_side)
    n_swapped = int((swapped >= 0).sum())
    if _are_texts(features) != _are_texts(known) and not n_swapped:
        return  # comparing integers with strings raises later
    examples = f"{name}_features has {show_id(features[0])}, the {name}s of X have {show_id(known[0])}"
    remedy = f"Key the features by the {name} ids of X."
    if n_swapped > n_shared:
        remedy = (
            f"{n_swapped} of the {len(features)} ids of {name}_features are {OTHER[name]}s of X: did you mean "
            f"{OTHER[name]}_features? If not, key the features by the {name} ids of X."
        )
    if first and not n_shared:
        raise ValueError(f"None of the {len(known)} {name}s of X has features: {examples}. {remedy}")
    unknown = _positions(features, known) < 0
    n_unknown, n_swapped_only = int(unknown.sum()), int((unknown & (swapped >= 0)).sum())
    # Users and items often share integer ids. If they share a string, it means the same thing.
    if n_swapped_only * 2 > n_unknown and _are_texts(known) and not _have_shared(known, other_side):
        example = show_id(features[int(np.argmax(unknown & (swapped >= 0)))])
        raise ValueError(
            f"{n_swapped_only} ids of {name}_features, such as {example}, are {OTHER[name]}s and not {name}s of X: did "
            f"you mean {OTHER[name]}_features? Otherwise leave them out of {name}_features, or they become {name}s."
        )
    if not first:
        return
    known_share, features_share = n_shared / len(known), n_shared / len(features)
    if _jaccard(n_swapped, features, other_side) >= SAME and _jaccard(n_shared, features, known) <= UNLIKE:
        rule = (
            f"{n_swapped} of the {len(features)} ids of {name}_features are {OTHER[name]}s of X, and only {n_shared} "
            f"are {name}s"
        )
        remedy = f"Did you mean {OTHER[name]}_features? If not, ignore this warning."
    elif known_share < FEW or (known_share < HALF and features_share < HALF):
        rule = f"Only {n_shared} of the {len(known)} {name}s of X have features"
        if n_shared < len(features):
            rule += f", and only {n_shared} of the {len(features)} ids of {name}_features are {name}s of X"
        else:
            remedy = "Add the features of the others, or ignore this warning if they have none."
    else:
        return
    warnings.warn(f"{rule}: {_unlike(name, features, known)}. {remedy}", IdMismatchWarning, stacklevel=levels_inside())


def refuse_ids_of_other_side(name: str, features: np.ndarray, known: np.ndarray, other_side: np.ndarray) -> None:
    """Raise a ValueError if all ids with user features in a query are item ids, or vice versa.

    The check is skipped if users and items share ids, for example if both are numbered from 0.
    """
    if (_positions(features, other_side) >= 0).all() and not _have_shared(known, other_side):
        raise ValueError(
            f"All {len(features)} ids of {name}_features (first: {show_id(features[0])}) are {OTHER[name]}s the model "
            f"was fitted on, and none of them is {ARTICLE[name]} {name}: did you mean {OTHER[name]}_features?"
        )


def _unlike(name: str, features: np.ndarray, known: np.ndarray) -> str:
    """Describe one id that has features but is not in X, and one id of X that has no features, if they exist."""
    unknown, without = features[_positions(features, known) < 0], known[_positions(known, features) < 0]
    differences = [f"{show_id(id_)} is not {ARTICLE[name]} {name} of X" for id_ in unknown[:1]]
    return ", and ".join(differences + [f"{show_id(id_)} has no features" for id_ in without[:1]])


def _jaccard(n_shared: int, ids: np.ndarray, others: np.ndarray) -> float:
    return n_shared / (len(ids) + len(others) - n_shared)


def _positions(ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the position of each id in the array `among`, or -1 if the id is missing.

    If one array contains integers and the other contains strings, all positions are -1.
    """
    if _are_texts(ids) != _are_texts(among):
        return np.full(len(ids), -1)
    return find_positions(ids, among, "feature")


def _have_shared(ids: np.ndarray, others: np.ndarray) -> bool:
    few, many = sorted((ids, others), key=len)
    return bool((_positions(few, many) >= 0).any())


def _are_texts(ids: np.ndarray) -> bool:
    return ids.dtype.kind == "O"
