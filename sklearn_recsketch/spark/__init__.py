"""Recommenders on Spark, for interactions beyond one machine."""

from sklearn_recsketch.spark._spark_wrmf import SparkWRMFRecommender

__all__ = ["SparkWRMFRecommender"]
