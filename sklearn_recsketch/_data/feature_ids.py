"""Whether side features and interactions speak of the same ids."""

from __future__ import annotations

import warnings

import numpy as np

from sklearn_recsketch._data.ids import places_of, show_id
from sklearn_recsketch.exceptions import IdMismatchWarning
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = ["check_feature_ids", "refuse_ids_of_other_side"]

FEW = 0.1  # of the ids of X have features
HALF = 0.5  # of both the ids of X and those of the features are found among the others
SAME = 0.9  # Jaccard index of the ids of the features and those of the other side, which are nearly the same ids
UNLIKE = 2 / 3  # the same of the ids of their own side; a fold without a fifth of the ids has .8

OTHER = {"user": "item", "item": "user"}
ARTICLE = {"user": "a", "item": "an"}


def check_feature_ids(name: str, features: np.ndarray, own: np.ndarray, other: np.ndarray, first: bool) -> None:
    """Compare the ids of features with those of the interactions.

    That many ids have features and no interactions is usual: a catalogue is larger than what was sold of it. Features
    under wrong ids are told by the ids of the interactions, few of which have any.

    Parameters
    ----------
    name : {"user", "item"}
    features : ndarray
        Ids of the features, sorted.
    own, other : ndarray
        Ids with interactions and those of earlier fits, of this side and of the other one, sorted.
    first : bool
        Whether the model had no features of this side before.

    Raises
    ------
    ValueError
        Where none of `own` has features, or where the others are texts that name the other side.

    Warns
    -----
    IdMismatchWarning
        Where few of `own` have features, or where integers of both sides coincide and the features have those of the
        other side.
    """
    n_shared = int((_places(own, features) >= 0).sum())
    swapped = _places(features, other)
    n_swapped = int((swapped >= 0).sum())
    if _are_texts(features) != _are_texts(own) and not n_swapped:
        return  # an error about texts and integers follows
    examples = f"{name}_features has {show_id(features[0])}, the {name}s of X have {show_id(own[0])}"
    remedy = f"Key the features by the {name} ids of X."
    if n_swapped > n_shared:
        remedy = (
            f"{n_swapped} of the {len(features)} ids of {name}_features are {OTHER[name]}s of X: did you mean "
            f"{OTHER[name]}_features? If not, key the features by the {name} ids of X."
        )
    if first and not n_shared:
        raise ValueError(f"None of the {len(own)} {name}s of X has features: {examples}. {remedy}")
    strangers = _places(features, own) < 0
    n_strangers, n_misplaced = int(strangers.sum()), int((strangers & (swapped >= 0)).sum())
    # Integers of both sides may coincide; texts that do so name the same thing.
    if n_misplaced * 2 > n_strangers and _are_texts(own) and not _have_shared(own, other):
        example = show_id(features[int(np.argmax(strangers & (swapped >= 0)))])
        raise ValueError(
            f"{n_misplaced} ids of {name}_features, such as {example}, are {OTHER[name]}s and not {name}s of X: did "
            f"you mean {OTHER[name]}_features? Leave them out of {name}_features otherwise, or they become {name}s."
        )
    if not first:
        return
    of_own, of_features = n_shared / len(own), n_shared / len(features)
    if _jaccard(n_swapped, features, other) >= SAME and _jaccard(n_shared, features, own) <= UNLIKE:
        rule = (
            f"{n_swapped} of the {len(features)} ids of {name}_features are {OTHER[name]}s of X, and only {n_shared} "
            f"are {name}s"
        )
        remedy = f"Did you mean {OTHER[name]}_features? If not, ignore this warning."
    elif of_own < FEW or (of_own < HALF and of_features < HALF):
        rule = f"Only {n_shared} of the {len(own)} {name}s of X have features"
        if n_shared < len(features):
            rule += f", and only {n_shared} of the {len(features)} ids of {name}_features are {name}s of X"
        else:
            remedy = "Add those of the others, or ignore this warning if there are none."
    else:
        return
    warnings.warn(f"{rule}: {_unlike(name, features, own)}. {remedy}", IdMismatchWarning, stacklevel=levels_inside())


def refuse_ids_of_other_side(name: str, features: np.ndarray, own: np.ndarray, other: np.ndarray) -> None:
    """Raise where all ids of a query's features are known, but as ids of the other side.

    Raises
    ------
    ValueError
        Unless users and items share ids, as integers from 0 do.
    """
    if (_places(features, other) >= 0).all() and not _have_shared(own, other):
        raise ValueError(
            f"All {len(features)} ids of {name}_features (first: {show_id(features[0])}) are {OTHER[name]}s the model "
            f"was fitted on, and none of them is {ARTICLE[name]} {name}: did you mean {OTHER[name]}_features?"
        )


def _unlike(name: str, features: np.ndarray, own: np.ndarray) -> str:
    """An id of each that the other has not, if there is one."""
    strangers, without = features[_places(features, own) < 0], own[_places(own, features) < 0]
    said = [f"{show_id(id_)} is not {ARTICLE[name]} {name} of X" for id_ in strangers[:1]]
    return ", and ".join(said + [f"{show_id(id_)} has no features" for id_ in without[:1]])


def _jaccard(n_shared: int, ids: np.ndarray, others: np.ndarray) -> float:
    return n_shared / (len(ids) + len(others) - n_shared)


def _places(ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Position of ids in others, -1 where they are not, as all are where one of the two are texts."""
    if _are_texts(ids) != _are_texts(among):
        return np.full(len(ids), -1)
    return places_of(ids, among, "feature")


def _have_shared(ids: np.ndarray, others: np.ndarray) -> bool:
    few, many = sorted((ids, others), key=len)
    return bool((_places(few, many) >= 0).any())


def _are_texts(ids: np.ndarray) -> bool:
    return ids.dtype.kind == "O"
