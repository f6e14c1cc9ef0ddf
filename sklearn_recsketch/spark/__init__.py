"""Recommenders that run on Spark, for interactions that do not fit on one machine."""

from sklearn_recsketch.spark._spark_wrmf import SparkWRMFRecommender

__all__ = ["SparkWRMFRecommender"]
