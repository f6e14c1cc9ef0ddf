"""
The same model on Spark
=======================

For data that do not fit on one machine, :class:`~sklearn_recsketch.spark.SparkWRMFRecommender` fits the same model on a
cluster. This example compares both on small data. Where pyspark or Java is missing, only the code is shown.
"""

# %%
# The parameters and the methods are those of :class:`~sklearn_recsketch.WRMFRecommender`. The table is a Spark frame.

import os
import shutil
import sys
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions

X, _ = make_interactions(300, 100, mean_activity=10, random_state=0)
local = WRMFRecommender(16, max_iter=5, random_state=0).fit(X)
has_spark = find_spec("pyspark") is not None and shutil.which("java") is not None
if not has_spark:
    print('Install pyspark with pip install "sklearn-recsketch[spark]", and Java 17 or 21, to run the rest.')


def fit_on_spark(X):
    """Fit the model in a local Spark session and return it as a local recommender."""
    from pyspark.sql import SparkSession

    from sklearn_recsketch.spark import SparkWRMFRecommender

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers need the same packages
    options = {  # for small data: few partitions, and little time spent on compiling
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -Xss4m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    spark = SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    try:
        likes = spark.createDataFrame(X.to_numpy().tolist(), ["user", "item"])
        rec = SparkWRMFRecommender(16, max_iter=5, random_state=0).fit(likes)
        rec.recommend(users=[0, 1], k=3).show()  # the lists stay in the cluster until they are asked for
        return rec.to_local()
    finally:
        spark.stop()


# %%
# The scores of both models for all pairs of users and items. Spark penalizes active users and popular items more than
# the local default does, and starts elsewhere, so the scores are similar, but not equal.

if has_spark:
    from_spark = fit_on_spark(X)
    scores = [rec.user_factors_ @ rec.item_factors_.T for rec in (local, from_spark)]
    correlation = np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1]
    figure, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
    picture = ax.hexbin(scores[0].ravel(), scores[1].ravel(), bins="log", gridsize=40, cmap="Blues")
    figure.colorbar(picture, label="pairs")
    ax.set(xlabel="score of WRMFRecommender", ylabel="score of SparkWRMFRecommender")
    ax.set_title(f"Correlation: {correlation:.3f}")
    plt.show()
