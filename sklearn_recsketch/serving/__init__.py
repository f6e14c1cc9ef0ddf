"""Factors for serving: tables for any vector database."""

from sklearn_recsketch.serving._augment import augment_items, augment_users
from sklearn_recsketch.serving._embedding_table import embedding_table

__all__ = ["augment_items", "augment_users", "embedding_table"]
