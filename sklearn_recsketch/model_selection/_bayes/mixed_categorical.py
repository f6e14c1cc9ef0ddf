"""A dimension of skopt for categories of any kind."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from skopt.space import Categorical

from sklearn_recsketch.model_selection._bayes.content_digest import value_key
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["MixedCategorical"]


class MixedCategorical(Categorical):
    """Categories that come back as they were given, whatever they are.

    skopt's own encoders hash categories and make arrays of them: 1, 1.0 and True become one value, numbers beside
    texts become texts, and lists cannot be hashed. Here they encode the places of the categories.

    Parameters
    ----------
    categories : list
        A repeated one counts once and is drawn more often.
    prior : list of float, default=None
        Probabilities to draw them with.
    transform : str, default=None
        As in skopt.
    """

    def __init__(self, categories: Any, prior: Any = None, transform: str | None = None) -> None:
        values = [to_python_scalar(value) for value in categories]
        keys = [value_key(value) for value in values]
        distinct = dict(zip(reversed(keys), reversed(values), strict=True))
        self._places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        if len(distinct) < len(values):
            weights = np.full(len(values), 1 / len(values)) if prior is None else prior
            prior = np.bincount([self._places[key] for key in keys], weights).tolist()
        super().__init__([distinct[key] for key in self._places], prior, transform)

    def set_transformer(self, transform: str = "onehot") -> None:
        """Let skopt's encoder encode places."""
        places = Categorical(range(len(self.categories)), self.prior_, transform)
        self.transform_, self.transformer, self._rvs = transform, places.transformer, places._rvs

    def transform(self, X: Any) -> Any:
        """Encode categories."""
        return self.transformer.transform([self.place(value) for value in X])

    def inverse_transform(self, Xt: Any) -> list[Any]:
        """Decode to the categories themselves."""
        return [self.categories[int(place)] for place in self.transformer.inverse_transform(Xt)]

    def place(self, value: Any) -> int | None:
        """The place of a value among the categories, None if it is not one; 1.0 stands for a category 1."""
        same = next((place for place, category in enumerate(self.categories) if category is value), None)
        if same is not None:  # most are, and a digest takes longer
            return same
        equal = self._places.get(value_key(value))
        if equal is None and isinstance(value, Real) and not isinstance(value, bool):
            return next((p for p, c in enumerate(self.categories) if not isinstance(c, bool) and c == value), None)
        return equal

    def __contains__(self, point: Any) -> bool:
        return self.place(point) is not None

    def distance(self, a: Any, b: Any) -> int:
        """0 for one category, 1 for two."""
        return int(self.place(a) != self.place(b))
