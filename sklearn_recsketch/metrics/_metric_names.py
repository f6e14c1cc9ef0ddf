"""Metrics by name: "precision@5", "auc"."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn_recsketch.metrics._hits import METRICS
from sklearn_recsketch.metrics._whole_ranking import WHOLE_METRICS

__all__ = ["DEFAULT_METRIC", "Metric", "parse_metric"]

DEFAULT_METRIC = "precision@5"


class Metric(NamedTuple):
    """Name of a metric, and its cutoff; None for a metric of the whole ranking."""

    name: str
    k: int | None

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"


def parse_metric(text: Any) -> Metric:
    """("precision", 5) of "precision@5", ("auc", None) of "auc"."""
    name, at, k = str(text).partition("@")
    if isinstance(text, str):
        if name in WHOLE_METRICS and not at:
            return Metric(name, None)
        if name in METRICS and k.isdecimal() and int(k) >= 1:
            return Metric(name, int(k))
    raise ValueError(
        f"A metric must be a name and a cutoff like 'precision@5', with one of the names {sorted(METRICS)}, or one "
        f"of the whole ranking, which has no cutoff: {sorted(WHOLE_METRICS)}; got {text!r}."
    )
