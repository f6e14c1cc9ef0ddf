"""Recommender estimators."""

from sklearn_recsketch.recommenders._bpr import BPRRecommender
from sklearn_recsketch.recommenders._ease import EASERecommender
from sklearn_recsketch.recommenders._item_knn import ItemKNNRecommender
from sklearn_recsketch.recommenders._popularity import PopularityRecommender
from sklearn_recsketch.recommenders._warp import WARPRecommender
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender

__all__ = [
    "BPRRecommender",
    "EASERecommender",
    "ItemKNNRecommender",
    "PopularityRecommender",
    "WARPRecommender",
    "WRMFRecommender",
]
