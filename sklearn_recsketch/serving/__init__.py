"""Serve recommendations with a search index, or export the factors as tables for vector databases."""

from sklearn_recsketch.serving._augment import augment_items, augment_users
from sklearn_recsketch.serving._embedding_table import embedding_table
from sklearn_recsketch.serving._index import EmbeddingIndex
from sklearn_recsketch.serving._to_index import to_index

__all__ = ["EmbeddingIndex", "augment_items", "augment_users", "embedding_table", "to_index"]
