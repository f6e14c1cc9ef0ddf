"""Recommender estimators."""

from sklearn_recsketch.recommenders._bpr import BPRRecommender
from sklearn_recsketch.recommenders._popularity import PopularityRecommender
from sklearn_recsketch.recommenders._warp import WARPRecommender
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender

__all__ = ["BPRRecommender", "PopularityRecommender", "WARPRecommender", "WRMFRecommender"]
