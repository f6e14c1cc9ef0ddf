"""Import engines, and raise errors for parameters that an engine does not support."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.utils._extras import import_extra

__all__ = [
    "import_engine",
    "plain_csr",
    "refuse",
    "refuse_features",
    "refuse_uniform_negatives",
    "refuse_weaker_negatives",
]


def import_engine(module: str) -> ModuleType:
    """Import a module of an engine, or raise an error with installation instructions."""
    library = module.partition(".")[0]
    hint = ' (if the extra does not include it, "pip install lightfm-next" compiles it)' if library == "lightfm" else ""
    return import_extra(module, "engines", f"{library} is not installed{hint}")


def plain_csr(matrix: sp.csr_array) -> sp.csr_matrix:
    """Convert a matrix to the format that engines accept: csr_matrix with float32 values and int32 indices."""
    if matrix.nnz > np.iinfo(np.int32).max:
        raise ValueError(
            f"The engines implicit and lightfm take at most {np.iinfo(np.int32).max} entries, but there are "
            f"{matrix.nnz}. Use engine='native'."
        )
    indices, indptr = (array.astype(np.int32, copy=False) for array in (matrix.indices, matrix.indptr))
    return sp.csr_matrix((matrix.data.astype(np.float32, copy=False), indices, indptr), shape=matrix.shape)


def refuse(model: Any, parameter: str, value: Any, why: str, instead: str) -> NoReturn:
    """Raise a ValueError for a parameter that the engine of a recommender does not support."""
    raise ValueError(
        f"{type(model).__name__}(engine={model.engine!r}) does not support {parameter}={value!r}: {why}. "
        f"{instead}, or use engine='native'."
    )


def refuse_features(model: Any, sides: tuple[Entities, Entities]) -> None:
    """Raise a ValueError if there are side features."""
    for name, entities in zip(("user", "item"), sides, strict=True):
        if entities.features is not None:
            refuse(
                model, f"{name}_features", entities.features, f"{model.engine} has no side features", "Leave them out"
            )


def refuse_uniform_negatives(model: Any) -> None:
    """Raise a ValueError if BPR is set to sample negatives uniformly."""
    if getattr(model, "negative_sampling", "auto") == "uniform":
        refuse(
            model,
            "negative_sampling",
            model.negative_sampling,
            f"{model.engine} samples negatives by popularity",
            'Set it to "popularity" or "auto"',
        )


def refuse_weaker_negatives(model: Any) -> None:
    """Raise a ValueError if the negatives are set to include items with weaker interactions."""
    if model.negatives == "weaker":
        refuse(
            model,
            "negatives",
            model.negatives,
            f"{model.engine} never samples an item that the user has interacted with",
            'Set it to "unobserved"',
        )
