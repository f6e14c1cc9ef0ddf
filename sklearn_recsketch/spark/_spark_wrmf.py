"""Weighted regularized matrix factorization on Spark."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.recommenders._from_factors import fit_from_factors
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender
from sklearn_recsketch.spark._checkpoints import check_lineage
from sklearn_recsketch.spark._id_coding import CodedInteractions, code_interactions
from sklearn_recsketch.spark._ranked_lists import LocalFactors, ranked_batches, vectors_of
from sklearn_recsketch.spark._spark_objective import SparkObjective, transformed
from sklearn_recsketch.spark._tables import query_ids, read_interactions, require_pyspark
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import Interval, Options, StrOptions, _fit_context
from sklearn_recsketch.utils._doc_link import DocLinkMixin
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["SparkWRMFRecommender"]


class SparkWRMFRecommender(DocLinkMixin, BaseEstimator):
    r"""Weighted regularized matrix factorization with the alternating least squares (ALS) solver of Spark ML.

    Use this recommender for interactions that do not fit on one machine. It is fitted on a Spark DataFrame, and its
    factors stay distributed over the cluster. If user u has :math:`n_u` items and item i has :math:`n_i` users, the
    recommender minimizes

    .. math:: L = \sum_{u,i} c_{ui} (p_{ui} - x_u \cdot y_i)^2
              + \rho \Bigl(\sum_u n_u |x_u|^2 + \sum_i n_i |y_i|^2\Bigr), \qquad
              \rho = \lambda\, \frac{\sqrt{n_{users}\, n_{items}}}{n_{interactions}}

    where the preferences :math:`p_{ui}` and the confidences :math:`c_{ui}` are defined as in
    :class:`~sklearn_recsketch.WRMFRecommender`.

    Parameters
    ----------
    n_components : int, default=128
        Number of components of each factor. This parameter is called `rank` in Spark.
    alpha : "auto" or float, default="auto"
        Additional weight of an interaction with strength 1, compared with a pair without an interaction. If "auto", it
        is computed from the interactions as in :class:`~sklearn_recsketch.WRMFRecommender`.
    confidence : {"auto", "linear", "log", "scaled_log"}, default="auto"
        Confidence of an interaction with strength d. It is ``1 + alpha * d`` for "linear", ``1 + alpha * log(1 + d)``
        for "log", and ``1 + alpha * (1 + log(d / s))`` for "scaled_log", where s is the smallest strength. "auto" is
        the same as "scaled_log" if `alpha="auto"`, and the same as "linear" otherwise.
    regularization : "auto" or float, default="auto"
        Regularization :math:`\lambda`, on the same scale as in :class:`~sklearn_recsketch.WRMFRecommender`. The
        `regParam` of Spark is set to :math:`\rho`. If "auto", it is the geometric mean of the two penalties that
        :class:`~sklearn_recsketch.WRMFRecommender` computes for users and for items.
    max_iter : int, default=15
        Number of iterations. Each iteration updates all items and then all users.
    n_user_blocks : int, default=10
        Number of blocks into which the users are partitioned, called `numUserBlocks` in Spark. With more blocks, more
        tasks run in parallel, but the network traffic is higher. An item vector is sent to every user block that
        contains users of this item.
    n_item_blocks : int, default=10
        Number of blocks into which the items are partitioned, called `numItemBlocks` in Spark. A user vector is sent to
        every item block that contains items of this user.
    checkpoint_interval : int, default=10
        Number of iterations between checkpoints. The value -1 disables checkpoints. Checkpoints require a directory,
        which is set by ``spark.sparkContext.setCheckpointDir("hdfs://...")``. `fit` raises an error if more than ten
        consecutive iterations would run without a checkpoint, because a stack overflow may crash Spark processes.
    random_state : int, RandomState instance or None, default=None
        Seed of the random initial factors. With the same seed and the same values of `n_user_blocks` and
        `n_item_blocks`, the fitted factors are equal up to rounding errors.

    Attributes
    ----------
    user_factors_, item_factors_ : pyspark.sql.DataFrame
        User factors and item factors. The ids are in the column `user` or `item`, and the vectors are in the column
        `features`, as arrays of floats.
    alpha_, regularization_ : float
        Values of `alpha` and `regularization` that were used in `fit`. They are computed from the interactions for
        parameters set to "auto".
    strength_scale_ : float
        Smallest strength s if the confidence is "scaled_log", and 1 otherwise.
    reg_param_ : float
        Regularization :math:`\rho`, called `regParam` in Spark.
    n_users_, n_items_ : int
        Number of users and number of items that have interactions.
    n_interactions_ : int
        Number of distinct user-item pairs.
    n_iter_ : int
        Number of iterations that were run.

    See Also
    --------
    sklearn_recsketch.WRMFRecommender : Recommender for one machine that also supports side features.

    Notes
    -----
    Spark regularizes each user and each item in proportion to its number of interactions, as ALS-WR does [2]_. The
    penalty is :math:`\lambda_u = \rho\, n_u` for user u and :math:`\lambda_i = \rho\, n_i` for item i. The mean penalty
    is :math:`\rho\, n_{interactions} / n_{users}` for users and :math:`\rho\, n_{interactions} / n_{items}` for items.
    The scores do not change if all vectors are scaled by :math:`x \to s x, y \to y / s`. Therefore, the scores depend
    only on the product of the user penalty and the item penalty. With this definition of :math:`\rho`, the product
    of the two mean penalties is :math:`\lambda^2`. If all users have the same number of items and all items have the
    same number of users, L is equivalent to the objective of ``WRMFRecommender`` with the same `regularization`.
    Otherwise, active users and popular items are regularized more than in ``WRMFRecommender``, and other users and
    items are regularized less. With `regularization="auto"`, both recommenders regularize popular items more than other
    items. The penalty of an item is proportional to its number of users in this recommender, and to the square root of
    this number in ``WRMFRecommender``. If `regularization_scaling=1`, the penalties of ``WRMFRecommender`` are
    proportional to the sum of *all* confidences of a row, which is :math:`n_{items} + \alpha \sum_i d_{ui}` for user u.
    If the data are sparse, the first term of this sum dominates, so these penalties also differ from the penalties in
    Spark.

    Spark computes each vector with a Cholesky factorization in float64, and stores the factors in float32. The time
    complexity of an iteration is :math:`O(n_{interactions} K^2 + (n_{users} + n_{items}) K^3)`. The user guide
    describes the memory usage and the network traffic.

    The ids and the encoded interactions are kept on the cluster until `unpersist` or `fit` is called, because
    `recommend` needs them. `fit` reads X four times. Persist X if it is expensive to compute. A fitted recommender
    is bound to its Spark session and cannot be pickled. To store a recommender, write its factors to Parquet files, or
    pickle the recommender that `to_local` returns.

    References
    ----------
    .. [1] Y. Hu, Y. Koren, C. Volinsky. Collaborative filtering for implicit feedback datasets.
       ICDM 2008. https://doi.org/10.1109/ICDM.2008.22
    .. [2] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan. Large-scale parallel collaborative filtering for the Netflix
       prize. AAIM 2008. https://doi.org/10.1007/978-3-540-68880-8_32

    Examples
    --------
    This example requires Java.

    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> from sklearn_recsketch.spark import SparkWRMFRecommender
    >>> spark = SparkSession.builder.getOrCreate()  # doctest: +SKIP
    >>> spark.sparkContext.setCheckpointDir("hdfs:///checkpoints")  # doctest: +SKIP
    >>> X = spark.read.parquet("plays.parquet").select("user", "track", "count")  # doctest: +SKIP
    >>> rec = SparkWRMFRecommender(64, random_state=0).fit(X)  # doctest: +SKIP
    >>> rec.recommend(k=20).write.parquet("lists.parquet")  # doctest: +SKIP
    >>> rec.to_local().similar_items(["tiltbrush"])  # doctest: +SKIP
    """

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "confidence": [StrOptions({"auto", "linear", "log", "scaled_log"})],
        "regularization": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_user_blocks": [Interval(Integral, 1, None, closed="left")],
        "n_item_blocks": [Interval(Integral, 1, None, closed="left")],
        "checkpoint_interval": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1})],
        "random_state": ["random_state"],
    }

    user_factors_: DataFrame
    item_factors_: DataFrame
    alpha_: float
    regularization_: float
    strength_scale_: float
    reg_param_: float
    n_users_: int
    n_items_: int
    n_interactions_: int
    n_iter_: int

    def __init__(
        self,
        n_components: int = 128,
        *,
        alpha: float | str = "auto",
        confidence: str = "auto",
        regularization: float | str = "auto",
        max_iter: int = 15,
        n_user_blocks: int = 10,
        n_item_blocks: int = 10,
        checkpoint_interval: int = 10,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.alpha = alpha
        self.confidence = confidence
        self.regularization = regularization
        self.max_iter = max_iter
        self.n_user_blocks = n_user_blocks
        self.n_item_blocks = n_item_blocks
        self.checkpoint_interval = checkpoint_interval
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None) -> Self:
        """Fit the factors to interactions.

        If training fails, the estimator is not changed.

        Parameters
        ----------
        X : pyspark.sql.DataFrame, str or Path
            DataFrame, or path of Parquet files, with two or three columns in this order: user id, item id and,
            optionally, the strength of the interaction. Ids must be integers or strings. The strengths of repeated
            pairs are summed, and rows with strength 0 are ignored.
        y : None
            Not used. Pass strengths as the third column of X.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        TypeError, ValueError
            If an id is null, if it is neither an integer nor a string, or if a strength is null, NaN, infinite or
            negative. The message names the column and gives an example row.
        """
        require_pyspark()
        if y is not None:
            raise ValueError("y must be None. Pass strengths in X, for example X.select('user', 'item', 'count').")
        with ExitStack() as persisted:
            table = read_interactions(X)
            check_lineage(self.max_iter, self.checkpoint_interval, table.sparkSession.sparkContext.getCheckpointDir())
            data = code_interactions(table, persisted)
            state = self._train(data)
            state["_persisted"] = persisted.pop_all()
        previous = getattr(self, "_persisted", None)
        self.__dict__ = self.__dict__ | state  # a single assignment, which an interrupt cannot split
        if previous is not None:
            previous.close()
        return self

    def _train(self, data: CodedInteractions) -> dict[str, Any]:
        """Run ALS, and return a dictionary of fitted attributes."""
        from pyspark.ml.functions import array_to_vector
        from pyspark.ml.recommendation import ALS
        from pyspark.ml.stat import Summarizer
        from pyspark.sql import functions as F

        if not data.n_interactions:
            raise ValueError("X has no row with a positive weight, so there is no interaction to learn from.")
        n_users, n_items = data.counts["user"], data.counts["item"]
        objective = SparkObjective.of(self, data)
        reg_param = float(objective.regularization * np.sqrt(n_users * n_items) / data.n_interactions)
        als = ALS(
            rank=self.n_components,
            maxIter=self.max_iter,
            regParam=reg_param,
            numUserBlocks=self.n_user_blocks,
            numItemBlocks=self.n_item_blocks,
            implicitPrefs=True,
            alpha=objective.alpha,
            userCol="user_code",
            itemCol="item_code",
            ratingCol="rating",
            seed=int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max)),
            checkpointInterval=self.checkpoint_interval,
        )
        rating = transformed(objective.confidence, objective.scale).cast("float").alias("rating")
        model = als.fit(data.strengths.select("user_code", "item_code", rating))
        coded = {
            name: factors.withColumnRenamed("id", "code")
            for name, factors in (("user", model.userFactors), ("item", model.itemFactors))
        }
        state: dict[str, Any] = {
            f"{name}_factors_": data.ids[name].join(coded[name], "code").select(F.col("id").alias(name), "features")
            for name in ("user", "item")
        }
        mean = model.userFactors.select(Summarizer.mean(array_to_vector("features"))).head()[0].toArray()
        return state | {
            "alpha_": objective.alpha,
            "regularization_": objective.regularization,
            "strength_scale_": objective.scale,
            "_confidence": objective.confidence,
            "reg_param_": reg_param,
            "n_users_": n_users,
            "n_items_": n_items,
            "n_interactions_": data.n_interactions,
            "n_iter_": self.max_iter,
            "_data": data,
            "_coded_factors": coded,
            "_unknown_user": mean,
        }

    def recommend(self, users: Any = None, k: int = 10, *, exclude_seen: bool = True) -> DataFrame:
        """Recommend the k items with the highest scores to each user.

        The scores are computed on the Spark cluster.

        Parameters
        ----------
        users : id, array-like of ids or pyspark.sql.DataFrame of one column, default=None
            Users for whom items are recommended. If None, items are recommended to all known users. Unknown users are
            represented by the mean user vector.
        k : int, default=10
            Number of items per user.
        exclude_seen : bool, default=True
            Whether to exclude the items that a user interacted with in the training data.

        Returns
        -------
        pyspark.sql.DataFrame with columns user, rank, item, score
            Recommendations. Ranks start at 1, and ties are broken by the order of the item ids. A user with fewer than
            k eligible items has fewer than k rows. Spark computes the rows lazily, and does not guarantee their order.

        Notes
        -----
        The recommendations are exact, and are equal to the output of ``to_local().recommend()``. All item factors are
        sent to every executor. They take :math:`4 K n_{items}` bytes per executor, and every running task needs twice
        this memory.
        """
        check_is_fitted(self)
        from pyspark.sql import functions as F

        k = check_integer(k, "k")
        table = self._user_vectors(users)
        if exclude_seen:
            seen = self._data.strengths.groupBy("user_code").agg(F.collect_list("item_code").alias("seen"))
            table = table.join(seen.withColumnRenamed("user_code", "code"), "code", "left")
        else:
            table = table.withColumn("seen", F.lit(None).cast("array<int>"))
        types = {name: frame.schema["id"].dataType.simpleString() for name, frame in self._data.ids.items()}
        items = table.sparkSession.sparkContext.broadcast(self._local_factors("item"))
        return table.select("user", "features", "seen").mapInArrow(
            partial(ranked_batches, items=items, k=k),
            f"user {types['user']}, rank bigint, item {types['item']}, score float",
        )

    def _user_vectors(self, users: Any) -> DataFrame:
        """Return a DataFrame with the columns code, user and features for the users in a query."""
        from pyspark.sql import functions as F

        ids = self._data.ids["user"].withColumnRenamed("id", "user")
        factors = self._coded_factors["user"]
        if users is None:
            return ids.join(factors, "code")
        table = query_ids(users, "user", ids.schema["user"].dataType, ids.sparkSession)
        unknown = F.lit(self._unknown_user.tolist()).cast("array<float>")
        table = table.join(ids, "user", "left").join(factors, "code", "left")
        return table.withColumn("features", F.coalesce("features", unknown))

    def to_local(self) -> WRMFRecommender:
        """Convert the recommender to a fitted ``WRMFRecommender`` in driver memory.

        Returns
        -------
        WRMFRecommender
            Fitted recommender with the same factors and interactions. It takes
            ``4 (n_users + n_items) n_components + 8 n_interactions`` bytes, and the conversion temporarily takes
            twice as much memory. The fold-in of new users uses the mean user penalty, which is
            ``reg_param_ * n_interactions_ / n_users_``. The fold-in of new items uses the mean item penalty, which is
            ``reg_param_ * n_interactions_ / n_items_``.
        """
        check_is_fitted(self)
        users, items = self._local_factors("user"), self._local_factors("item")
        table = self._data.strengths.toArrow()
        rows, columns, strengths = (np.asarray(table[name]) for name in ("user_code", "item_code", "strength"))
        matrix = sp.coo_array((strengths, (rows, columns)), shape=(self.n_users_, self.n_items_)).tocsr()
        matrix.sort_indices()
        total = self.reg_param_ * self.n_interactions_
        model = WRMFRecommender(
            self.n_components,
            alpha=self.alpha_,
            confidence=self._confidence,
            regularization=self.regularization_,
            user_regularization=total / self.n_users_,
            item_regularization=total / self.n_items_,
            max_iter=self.max_iter,
            random_state=self.random_state,
        )
        return fit_from_factors(model, users.ids, items.ids, users.vectors, items.vectors, matrix)

    def _local_factors(self, name: str) -> LocalFactors:
        """Collect the ids and factors of users or items on the driver."""
        table = self._data.ids[name].join(self._coded_factors[name], "code").toArrow()
        order = np.argsort(np.asarray(table["code"]))
        ids = table["id"].to_numpy()[order]
        vectors = vectors_of(table["features"].combine_chunks(), self.n_components)
        return LocalFactors(ids, vectors[order])

    def unpersist(self) -> None:
        """Release the data that `fit` has persisted on the Spark cluster.

        `recommend` and `to_local` still work afterwards, but they must recompute these data.
        """
        check_is_fitted(self)
        self._persisted.close()

    def __getstate__(self) -> dict[str, Any]:
        if "_data" in vars(self):
            raise TypeError(
                "A fitted SparkWRMFRecommender refers to data in a cluster and cannot be pickled. Save the recommender "
                "returned by to_local(), or write user_factors_ and item_factors_ to Parquet."
            )
        return super().__getstate__()
