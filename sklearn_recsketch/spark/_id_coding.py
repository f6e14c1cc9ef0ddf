"""Encode the ids of interactions as 32-bit integers, because Spark ML's ALS does not accept other ids."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["CodedInteractions", "code_interactions"]


@dataclass(frozen=True)
class CodedInteractions:
    """Interactions whose ids are replaced by integer codes.

    The code of an id is its position among the sorted ids, as in a recommender for one machine.

    Attributes
    ----------
    ids : dict of str to DataFrame
        DataFrame with the columns id and code for each of the keys "user" and "item".
    counts : dict of str to int
        Number of ids for each of the keys "user" and "item".
    strengths : DataFrame
        DataFrame with the columns user_code, item_code and strength (float), and one row per pair.
    n_interactions : int
        Number of rows of `strengths`.
    """

    ids: dict[str, DataFrame]
    counts: dict[str, int]
    strengths: DataFrame
    n_interactions: int


def code_interactions(table: DataFrame, persisted: ExitStack) -> CodedInteractions:
    """Encode the ids of validated interactions, and sum the strengths of each user-item pair.

    The DataFrames that this function persists are released when `persisted` is closed.
    """
    from pyspark.sql import functions as F

    ids, counts, coded = {}, {}, table
    for name in ("user", "item"):
        ids[name], counts[name] = _numbered(table.select(F.col(name).alias("id")), persisted)
        codes = ids[name].select(F.col("id").alias(name), F.col("code").alias(f"{name}_code"))
        coded = coded.join(codes, name)
    # As in a local model, strengths are summed in double and stored in float.
    strength = F.sum("strength").cast("float").alias("strength")
    strengths = _persist(coded.groupBy("user_code", "item_code").agg(strength), persisted)
    return CodedInteractions(ids, counts, strengths, strengths.count())


def _numbered(ids: DataFrame, persisted: ExitStack) -> tuple[DataFrame, int]:
    """Return a DataFrame of the distinct ids and their positions in sorted order, and the number of distinct ids.

    Only the partition sizes are sent to the driver, whereas StringIndexer would send all ids.
    """
    from pyspark.sql import functions as F

    ordered = ids.distinct().sort("id")
    # Recomputing an RDD, unlike a query plan, puts the same rows into the same partitions.
    numbered = ordered.rdd.zipWithIndex().map(lambda pair: (pair[0][0], pair[1]))
    frame = ids.sparkSession.createDataFrame(numbered, f"id {ids.schema['id'].dataType.simpleString()}, code bigint")
    frame = _persist(frame.select("id", F.col("code").cast("int")), persisted)
    return frame, frame.count()


def _persist(frame: DataFrame, persisted: ExitStack) -> DataFrame:
    frame = frame.persist()
    persisted.callback(frame.unpersist)
    return frame
