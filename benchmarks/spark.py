"""Precision and speed of SparkWRMFRecommender and WRMFRecommender with the same parameters, on one machine.

    python benchmarks/spark.py [--only precision|speed]

citeulike-a after 5/5 thresholding, with 5 items held out for 20 % of the users. Spark runs in two threads of this
machine. Requires the extra [spark] and Java.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from common import alternate, citeulike, machine, markdown, publish, run_parts, timed
from pyspark.sql import DataFrame, SparkSession

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.metrics import precision_at_k
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions
from sklearn_recsketch.recommenders._als.trainer import ALSTrainer
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.spark import SparkWRMFRecommender
from sklearn_recsketch.utils._threads import Workers

THREADS, SPLITS, ROUNDS = 2, 5, 3
ALS = {"n_components": 128, "alpha": 50, "regularization": 10}
BLOCKS = {"n_user_blocks": THREADS, "n_item_blocks": THREADS}
SPARK = "SparkWRMFRecommender"


class SparksObjective(WRMFRecommender):
    """WRMF with Spark's penalty for each row: regParam times its number of interactions."""

    def _trainer(self, problem: TrainingProblem, pool: Workers) -> ALSTrainer:
        trainer, interactions = super()._trainer(problem, pool), problem.matrix
        reg_param = self.regularization * np.sqrt(np.prod(interactions.shape)) / interactions.nnz
        for side, counts in zip(
            trainer._sides, (interactions.count_nonzero(axis=1), interactions.count_nonzero(axis=0)), strict=True
        ):
            side._lam = reg_param * counts
        return trainer


def session() -> SparkSession:
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    spark = (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.sql.shuffle.partitions", THREADS)
        .config("spark.default.parallelism", THREADS)
        .config("spark.ui.enabled", False)
        .config("spark.ui.showConsoleProgress", False)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.setCheckpointDir(tempfile.mkdtemp())
    return spark


def in_spark(spark: SparkSession, X: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(
        list(X[["user", "item"]].itertuples(index=False, name=None)), ["user", "item"]
    ).persist()


def precision() -> None:
    spark, X, found = session(), threshold_interactions(citeulike()), []
    for seed in range(SPLITS):
        train, test = (X.iloc[rows] for rows in next(UserHoldoutSplit(random_state=seed).split(X)))
        same = {**ALS, "random_state": seed}
        models = {SPARK: SparkWRMFRecommender(**same, **BLOCKS).fit(in_spark(spark, train)).to_local()}
        models["the same objective, our solver"] = SparksObjective(**same, n_jobs=THREADS).fit(train)
        for scaling in (0, 1):
            model = WRMFRecommender(**same, regularization_scaling=scaling, n_jobs=THREADS)
            models[f"WRMFRecommender(regularization_scaling={scaling})"] = model.fit(train)
        users = test["user"].unique()
        per_user_values = {
            name: precision_at_k(test, model.recommend(users, k=5), k=5, per_user=True)
            for name, model in models.items()
        }
        found.append(pd.DataFrame(per_user_values))
        print(seed, *found[-1].mean(), flush=True)
    values = pd.concat(found)
    differences = values.sub(values[SPARK], axis=0)
    rows = [
        {
            "model": name,
            "precision@5": f"{values[name].mean():.4f} +- {values[name].sem():.4f}",
            "above Spark's, user by user": f"{differences[name].mean():+.4f} +- {differences[name].sem():.4f}",
            "by split": " ".join(f"{part[name].mean():.4f}" for part in found),
        }
        for name in values.columns
    ]
    publish(
        "Spark, precision",
        f"{len(values):,} held-out users of {SPLITS} splits; means and standard errors over users.\n\n"
        f"{markdown(pd.DataFrame(rows))}",
    )


def speed() -> None:
    spark, X = session(), threshold_interactions(citeulike())
    frame = in_spark(spark, X)
    fits: dict[str, Callable[[int], object]] = {
        SPARK: lambda n: SparkWRMFRecommender(**ALS, **BLOCKS, max_iter=n, random_state=0).fit(frame),
        "WRMFRecommender": lambda n: WRMFRecommender(**ALS, max_iter=n, n_jobs=THREADS, random_state=0).fit(X),
        "WRMFRecommender(solver='cholesky')": lambda n: WRMFRecommender(
            **ALS, max_iter=n, solver="cholesky", n_jobs=THREADS, random_state=0
        ).fit(X),
    }
    for fit in fits.values():
        fit(2)  # compiles the kernels

    def seconds_per_iteration(fit: Callable[[int], object]) -> float:
        return (timed(lambda: fit(9)) - timed(lambda: fit(1))) / 8

    seconds = alternate({name: lambda fit=fit: seconds_per_iteration(fit) for name, fit in fits.items()}, ROUNDS)
    rows = [
        {
            "model": name,
            "s per iteration": f"{seconds[name].median():.3g}",
            "lowest to highest": f"{seconds[name].min():.3g} to {seconds[name].max():.3g}",
            "Spark takes": f"{(seconds[SPARK] / seconds[name]).median():.0f} x",
        }
        for name in fits
    ]
    publish(
        "Spark, speed",
        f"{len(X):,} likes, {THREADS} threads, {ROUNDS} rounds; the time of an iteration is an eighth of "
        f"the difference between nine and one. {machine('pyspark')}\n\n{markdown(pd.DataFrame(rows))}",
    )


if __name__ == "__main__":
    warnings.filterwarnings(
        "ignore", "PySpark does not yet fully support pandas"
    )  # no frames are exchanged between them
    run_parts(__doc__, {"precision": precision, "speed": speed})
