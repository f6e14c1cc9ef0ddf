"""Likes and features: the posts' files, and data with a planted taste."""

from sklearn_recsketch.datasets._files import load_features, load_likes
from sklearn_recsketch.datasets._sketchfab import fetch_sketchfab
from sklearn_recsketch.datasets._synthetic import make_interactions

__all__ = ["fetch_sketchfab", "load_features", "load_likes", "make_interactions"]
