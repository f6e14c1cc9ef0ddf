"""Compute the parameters of the WRMF objective on a Spark cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_recsketch.recommenders._als.objective import automatic_alpha, noise_penalties
from sklearn_recsketch.spark._id_coding import CodedInteractions

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["SparkObjective", "transformed"]


@dataclass(frozen=True)
class SparkObjective:
    """Parameters of the WRMF objective.

    The class `recommenders._als.objective.Objective` is the equivalent for a single machine.

    Attributes
    ----------
    alpha : float
        Weight of the transformed strengths in the confidence.
    confidence : {"linear", "log", "scaled_log"}
        Transformation that is applied to the strengths.
    scale : float
        Smallest strength if the confidence is "scaled_log", and 1 otherwise.
    regularization : float
        Geometric mean of the user penalty and the item penalty.
    """

    alpha: float
    confidence: str
    scale: float
    regularization: float

    @classmethod
    def of(cls, model: Any, data: CodedInteractions) -> Self:
        """Take the parameters from `model`, and compute those that are set to "auto".

        The computation needs at most two passes over the data.
        """
        from pyspark.sql import functions as F

        alpha, confidence, lam, scale = model.alpha, model.confidence, model.regularization, 1.0
        if confidence == "auto":
            confidence = "scaled_log" if alpha == "auto" else "linear"
        if confidence == "scaled_log":
            scale = float(data.strengths.agg(F.min("strength")).head()[0])
        if "auto" in (alpha, lam):
            shape, n = (data.counts["user"], data.counts["item"]), data.n_interactions
            mean = float(data.strengths.agg(F.avg(transformed(confidence, scale))).head()[0])
            if alpha == "auto":
                alpha = automatic_alpha(shape, n, mean)
            if lam == "auto":
                lam = np.sqrt(np.prod(noise_penalties(shape, n, alpha * mean)))
        return cls(float(alpha), confidence, scale, float(lam))


def transformed(confidence: str, scale: float) -> Column:
    """Return the column of transformed strengths.

    The confidence is 1 plus alpha times the transformed strength.
    """
    from pyspark.sql import functions as F

    if confidence == "linear":
        return F.col("strength")
    return F.log1p("strength") if confidence == "log" else 1 + F.log(F.col("strength") / scale)
