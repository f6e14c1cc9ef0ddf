"""Ranking metrics and scorers for model selection."""

from sklearn_recsketch.metrics._auc import ranking_auc
from sklearn_recsketch.metrics._beyond_accuracy import catalog_coverage_at_k, novelty_at_k
from sklearn_recsketch.metrics._ranking_metrics import (
    average_precision_at_k,
    capped_precision_at_k,
    hit_rate_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
)
from sklearn_recsketch.metrics._report import ranking_report
from sklearn_recsketch.metrics._scorer import make_ranking_scorer

__all__ = [
    "average_precision_at_k",
    "capped_precision_at_k",
    "catalog_coverage_at_k",
    "hit_rate_at_k",
    "make_ranking_scorer",
    "ndcg_at_k",
    "novelty_at_k",
    "precision_at_k",
    "ranking_auc",
    "ranking_report",
    "recall_at_k",
    "reciprocal_rank_at_k",
]
