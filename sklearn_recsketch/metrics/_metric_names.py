"""Metric names, such as "precision@5" and "auc"."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn_recsketch.metrics._ranking_metrics import METRICS
from sklearn_recsketch.metrics._whole_ranking import WHOLE_METRICS

__all__ = ["DEFAULT_METRIC", "Metric", "parse_metric"]

DEFAULT_METRIC = "precision@5"
SYNONYMS = {  # what other libraries call the metrics
    "ap": "average_precision",
    "hit": "hit_rate",
    "hitrate": "hit_rate",
    "hr": "hit_rate",
    "map": "average_precision",
    "mrr": "reciprocal_rank",
    "prec": "precision",
    "roc_auc": "auc",
    "rr": "reciprocal_rank",
}


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
    synonym = SYNONYMS.get(name.lower(), name.lower())
    known = synonym != name and (synonym in METRICS or synonym in WHOLE_METRICS)
    hint = f" The name of {name!r} is {synonym!r} here." if known else ""
    raise ValueError(
        f"A metric must be a name and a cutoff like 'precision@5', with one of the names {sorted(METRICS)}, or a "
        f"metric of the whole ranking, which has no cutoff: {sorted(WHOLE_METRICS)}; got {text!r}.{hint}"
    )
