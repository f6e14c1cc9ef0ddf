"""Dimension for skopt whose categories can be of any type."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from skopt.space import Categorical

from sklearn_recsketch.model_selection._bayes.content_digest import value_key
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["MixedCategorical"]


class MixedCategorical(Categorical):
    """Categorical dimension whose categories can be of any type and are returned unchanged.

    The encoders in skopt hash the categories and convert them to arrays. The values 1, 1.0 and True
    become a single category. If some categories are strings, numbers also become strings. Lists
    raise an error, because they cannot be hashed. To avoid these problems, this class encodes the
    positions of the categories instead.

    Parameters
    ----------
    categories : list
        Categories of any type. If a category is repeated, it is sampled more often.
    prior : list of float, default=None
        Probability of each category. If None, all elements of the list are equally likely.
    transform : str, default=None
        Name of the encoding, as in skopt.
    """

    def __init__(self, categories: Any, prior: Any = None, transform: str | None = None) -> None:
        values = [to_python_scalar(value) for value in categories]
        keys = [value_key(value) for value in values]
        distinct = dict(zip(reversed(keys), reversed(values), strict=True))
        self._positions = {key: position for position, key in enumerate(dict.fromkeys(keys))}
        if len(distinct) < len(values):
            weights = np.full(len(values), 1 / len(values)) if prior is None else prior
            prior = np.bincount([self._positions[key] for key in keys], weights).tolist()
        super().__init__([distinct[key] for key in self._positions], prior, transform)

    def set_transformer(self, transform: str = "onehot") -> None:
        """Set the skopt encoder, which encodes the positions of the categories."""
        positions = Categorical(range(len(self.categories)), self.prior_, transform)
        self.transform_, self.transformer, self._rvs = transform, positions.transformer, positions._rvs

    def transform(self, X: Any) -> Any:
        """Encode a list of categories."""
        return self.transformer.transform([self.position(value) for value in X])

    def inverse_transform(self, Xt: Any) -> list[Any]:
        """Convert encoded categories back to the original categories."""
        return [self.categories[int(position)] for position in self.transformer.inverse_transform(Xt)]

    def position(self, value: Any) -> int | None:
        """Return the position of a category, or None if it does not exist. The value 1.0 matches the category 1."""
        same = next((position for position, category in enumerate(self.categories) if category is value), None)
        if same is not None:  # the common case, which avoids computing a digest
            return same
        equal = self._positions.get(value_key(value))
        if equal is None and isinstance(value, Real) and not isinstance(value, bool):
            return next((p for p, c in enumerate(self.categories) if not isinstance(c, bool) and c == value), None)
        return equal

    def __contains__(self, point: Any) -> bool:
        return self.position(point) is not None

    def distance(self, a: Any, b: Any) -> int:
        """Return 0 if two categories are equal, and 1 otherwise."""
        return int(self.position(a) != self.position(b))
