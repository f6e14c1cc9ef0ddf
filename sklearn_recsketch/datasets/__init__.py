"""Load interaction and feature files, fetch data sets, and generate synthetic interactions."""

from sklearn_recsketch.datasets._loaders import load_features, load_likes
from sklearn_recsketch.datasets._make_interactions import make_interactions
from sklearn_recsketch.datasets._sketchfab import fetch_sketchfab

__all__ = ["fetch_sketchfab", "load_features", "load_likes", "make_interactions"]
