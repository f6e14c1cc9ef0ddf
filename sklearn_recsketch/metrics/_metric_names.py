"""Metric names, such as "precision@5" and "auc"."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn_recsketch.metrics._ranking_metrics import METRICS
from sklearn_recsketch.metrics._whole_ranking import WHOLE_METRICS

__all__ = ["DEFAULT_METRIC", "Metric", "parse_metric"]

DEFAULT_METRIC = "precision@5"


class Metric(NamedTuple):
    """Name and cutoff of a metric; the cutoff is None for metrics that use the whole ranking."""

    name: str
    k: int | None

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"


def parse_metric(text: Any) -> Metric:
    """Parse a metric name: "precision@5" gives ("precision", 5), and "auc" gives ("auc", None)."""
    name, at, k = str(text).partition("@")
    if isinstance(text, str):
        if name in WHOLE_METRICS and not at:
            return Metric(name, None)
        if name in METRICS and k.isdecimal() and int(k) >= 1:
            return Metric(name, int(k))
    raise ValueError(
        f"A metric must be a name and a cutoff like 'precision@5', with one of the names {sorted(METRICS)}, or a "
        f"metric of the whole ranking, which has no cutoff: {sorted(WHOLE_METRICS)}; got {text!r}."
    )
