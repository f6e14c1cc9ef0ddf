"""Weighted regularized matrix factorization on a cluster."""

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
from sklearn_recsketch.spark._automatic import Numbers, transformed
from sklearn_recsketch.spark._id_coding import CodedInteractions, code_interactions
from sklearn_recsketch.spark._ranked_lists import Side, ranked_batches, vectors_of
from sklearn_recsketch.spark._tables import query_ids, read_interactions, require_pyspark
from sklearn_recsketch.utils._compat import Interval, Options, StrOptions, _fit_context
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["SparkWRMFRecommender"]

LONGEST_LINEAGE = 10  # iterations; of 18 a JVM with the default stack of 1 MiB died, and of fewer if compiled in haste


class SparkWRMFRecommender(BaseEstimator):
    r"""Weighted regularized matrix factorization by the alternating least squares of Spark ML.

    For interactions beyond one machine: a Spark DataFrame in, factors that stay distributed. With
    :math:`n_u` the number of items of user u, :math:`n_i` that of users of item i, it minimises

    .. math:: L = \sum_{u,i} c_{ui} (p_{ui} - x_u \cdot y_i)^2
              + \rho \Bigl(\sum_u n_u |x_u|^2 + \sum_i n_i |y_i|^2\Bigr), \qquad
              \rho = \lambda\, \frac{\sqrt{n_{users}\, n_{items}}}{n_{interactions}}

    with :math:`p_{ui}` and :math:`c_{ui}` as in :class:`~sklearn_recsketch.WRMFRecommender`; see Notes.

    Parameters
    ----------
    n_components : int, default=128
        Length of the vectors; Spark's `rank`.
    alpha : "auto" or float, default="auto"
        Weight of an interaction of strength 1 over a pair without interaction. "auto" computes it from the
        interactions, as :class:`~sklearn_recsketch.WRMFRecommender` does.
    confidence : {"auto", "linear", "log", "scaled_log"}, default="auto"
        ``1 + alpha * d``, ``1 + alpha * log(1 + d)`` or ``1 + alpha * (1 + log(d / s))``, where s is the smallest
        strength. "auto" is "scaled_log" if `alpha` is "auto", else "linear".
    regularization : "auto" or float, default="auto"
        :math:`\lambda`, on the scale of :class:`~sklearn_recsketch.WRMFRecommender`. Spark's `regParam` is
        :math:`\rho`. "auto" is the geometric mean of the penalties which
        :class:`~sklearn_recsketch.WRMFRecommender` computes for users and for items.
    max_iter : int, default=15
        Iterations: one over items, one over users each.
    n_user_blocks, n_item_blocks : int, default=10
        Spark's `numUserBlocks` and `numItemBlocks`: the parts that users and items are solved in, so as many tasks.
        Each vector is sent to every block of the other side that has a partner of it.
    checkpoint_interval : int, default=10
        Iterations between checkpoints, -1 for none. There are none without a checkpoint directory either:
        ``spark.sparkContext.setCheckpointDir("hdfs://...")``. More than ten iterations in a row without one are an
        error, because Spark's processes may die of them.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial factors. The same number and the same blocks give the same factors, to rounding.

    Attributes
    ----------
    user_factors_, item_factors_ : pyspark.sql.DataFrame
        Vectors, with the columns user or item, the id, and features, an array of floats.
    alpha_, regularization_ : float
        The values used, computed where the parameter is "auto".
    strength_scale_ : float
        s of "scaled_log"; 1 for other transforms.
    reg_param_ : float
        :math:`\rho`.
    n_users_, n_items_ : int
        Numbers of ids with interactions.
    n_interactions_ : int
        Number of distinct pairs.
    n_iter_ : int
        Iterations run.

    See Also
    --------
    sklearn_recsketch.WRMFRecommender : The model for one machine, which takes side information, too.

    Notes
    -----
    Spark regularizes each row by its number of interactions, as ALS-WR does [2]_: user u has the penalty
    :math:`\lambda_u = \rho\, n_u`, item i :math:`\lambda_i = \rho\, n_i`. Their means are
    :math:`\rho\, n_{interactions} / n_{users}` and :math:`\rho\, n_{interactions} / n_{items}`. Only the product of the
    two sides' penalties matters, as :math:`x \to s x, y \to y / s` changes no score, and :math:`\rho` makes the product
    of the means :math:`\lambda^2`. So L is the objective of ``WRMFRecommender`` at the same `regularization` if all
    users have equally many items and all items equally many users; elsewhere, active users and popular items are
    regularized more, and others less. With "auto", popular items are regularized more in both: here by their number of
    users, there by the square root of it. `regularization_scaling=1` of ``WRMFRecommender`` is something else: its
    penalties go with the sum of *all* confidences of a row, :math:`n_{items} + \alpha \sum_i d_{ui}`, of which the
    first term is most where data are sparse.

    Spark solves each row by a Cholesky factorization in float64, and keeps factors in float32. An iteration costs
    :math:`O(n_{interactions} K^2 + (n_{users} + n_{items}) K^3)`; see the user guide for memory and traffic.

    The interactions, in row numbers, and the ids are kept in the cluster for `recommend`, until `unpersist` or the next
    fit. X is read four times: persist it where it is costly to compute. A fitted recommender lives as long as its
    Spark session, and is not pickled: write its factors to Parquet, or save what `to_local` returns.

    References
    ----------
    .. [1] Y. Hu, Y. Koren, C. Volinsky. Collaborative filtering for implicit feedback datasets.
       ICDM 2008. https://doi.org/10.1109/ICDM.2008.22
    .. [2] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan. Large-scale parallel collaborative filtering for the Netflix
       prize. AAIM 2008. https://doi.org/10.1007/978-3-540-68880-8_32

    Examples
    --------
    Not run as a test: it needs Java and takes seconds to start.

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
        random_state: Any = None,
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
        """Learn factors from interactions.

        Nothing on the estimator changes until training has succeeded.

        Parameters
        ----------
        X : pyspark.sql.DataFrame, str or Path
            User id, item id and, optionally, a weight, the strength of the interaction, by position; or the path of
            Parquet files with these columns. Ids are integers or strings. Weights of repeated pairs are summed, rows
            of weight 0 are no interactions.
        y : None
            There for the convention: strengths are the third column of X.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        TypeError, ValueError
            For ids that are null or neither integers nor strings, and weights that are null, NaN, infinite or
            negative; the text names the column and one such row.
        """
        require_pyspark()
        if y is not None:
            raise ValueError(
                "y must be None: pass strengths as the third column of X, X.select('user', 'item', 'count')."
            )
        with ExitStack() as persisted:
            table = read_interactions(X)
            self._refuse_long_lineage(table.sparkSession.sparkContext.getCheckpointDir())
            data = code_interactions(table, persisted)
            state = self._train(data)
            state["_persisted"] = persisted.pop_all()
        earlier = getattr(self, "_persisted", None)
        self.__dict__ = self.__dict__ | state  # one assignment: nothing can come between
        if earlier is not None:
            earlier.close()
        return self

    def _train(self, data: CodedInteractions) -> dict[str, Any]:
        """Fitted attributes."""
        from pyspark.ml.functions import array_to_vector
        from pyspark.ml.recommendation import ALS
        from pyspark.ml.stat import Summarizer
        from pyspark.sql import functions as F

        if not data.n_interactions:
            raise ValueError("None of the rows of X has a positive weight, so there is no interaction to learn from.")
        n_users, n_items = data.counts["user"], data.counts["item"]
        numbers = Numbers.of(self, data)
        reg_param = float(numbers.regularization * np.sqrt(n_users * n_items) / data.n_interactions)
        als = ALS(
            rank=self.n_components,
            maxIter=self.max_iter,
            regParam=reg_param,
            numUserBlocks=self.n_user_blocks,
            numItemBlocks=self.n_item_blocks,
            implicitPrefs=True,
            alpha=numbers.alpha,
            userCol="user_code",
            itemCol="item_code",
            ratingCol="rating",
            seed=int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max)),
            checkpointInterval=self.checkpoint_interval,
        )
        rating = transformed(numbers.confidence, numbers.scale).cast("float").alias("rating")
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
            "alpha_": numbers.alpha,
            "regularization_": numbers.regularization,
            "strength_scale_": numbers.scale,
            "_confidence": numbers.confidence,
            "reg_param_": reg_param,
            "n_users_": n_users,
            "n_items_": n_items,
            "n_interactions_": data.n_interactions,
            "n_iter_": self.max_iter,
            "_data": data,
            "_coded_factors": coded,
            "_unknown_user": mean,
        }

    def _refuse_long_lineage(self, checkpoint_dir: str | None) -> None:
        """Tasks carry the steps of all iterations since the last checkpoint, which are read by recursion."""
        never = checkpoint_dir is None or self.checkpoint_interval < 0
        longest = self.max_iter if never else min(self.max_iter, self.checkpoint_interval)
        if longest > LONGEST_LINEAGE:
            raise ValueError(
                f"max_iter={self.max_iter} with checkpoint_interval={self.checkpoint_interval} and "
                f"{'no' if checkpoint_dir is None else 'a'} checkpoint directory means {longest} iterations without a "
                f"checkpoint; of more than {LONGEST_LINEAGE} Spark's processes may die by a stack overflow. Call "
                f"spark.sparkContext.setCheckpointDir(...) before fit, with checkpoint_interval between 1 and "
                f"{LONGEST_LINEAGE}."
            )

    def recommend(self, users: Any = None, k: int = 10, *, exclude_seen: bool = True) -> DataFrame:
        """The best items of each user, computed where the users are.

        Parameters
        ----------
        users : id, array-like of ids or pyspark.sql.DataFrame of one column, default=None
            Users to recommend to; None: all known ones. Unknown users are represented by the mean vector.
        k : int, default=10
            Items per user.
        exclude_seen : bool, default=True
            Leave out items the user interacted with in fit.

        Returns
        -------
        pyspark.sql.DataFrame with columns user, rank, item, score
            Rank from 1; a user with fewer than k items left has fewer rows, ties are broken by the order of the
            items. As of any DataFrame, the rows are in no order, and computed when they are asked for.

        Notes
        -----
        The lists are exact, those of ``to_local().recommend()``. The factors of all items are sent to every executor:
        :math:`4 K n_{items}` bytes, and twice as much in every task.
        """
        check_is_fitted(self)
        from pyspark.sql import functions as F

        k = check_integer(k, "k")
        asked = self._asked(users)
        if exclude_seen:
            seen = self._data.strengths.groupBy("user_code").agg(F.collect_list("item_code").alias("seen"))
            asked = asked.join(seen.withColumnRenamed("user_code", "code"), "code", "left")
        else:
            asked = asked.withColumn("seen", F.lit(None).cast("array<int>"))
        kinds = {name: frame.schema["id"].dataType.simpleString() for name, frame in self._data.ids.items()}
        items = asked.sparkSession.sparkContext.broadcast(self._collected("item"))
        return asked.select("user", "features", "seen").mapInArrow(
            partial(ranked_batches, items=items, k=k),
            f"user {kinds['user']}, rank bigint, item {kinds['item']}, score float",
        )

    def _asked(self, users: Any) -> DataFrame:
        """Users to recommend to: code, user and features."""
        from pyspark.sql import functions as F

        ids = self._data.ids["user"].withColumnRenamed("id", "user")
        factors = self._coded_factors["user"]
        if users is None:
            return ids.join(factors, "code")
        asked = query_ids(users, "user", ids.schema["user"].dataType, ids.sparkSession)
        unknown = F.lit(self._unknown_user.tolist()).cast("array<float>")
        known = asked.join(ids, "user", "left").join(factors, "code", "left")
        return known.withColumn("features", F.coalesce("features", unknown))

    def to_local(self) -> WRMFRecommender:
        """The same model on this machine, for all that ``WRMFRecommender`` offers.

        Returns
        -------
        WRMFRecommender
            Fitted: with these factors and interactions, which have to fit the driver's memory,
            ``4 (n_users + n_items) n_components + 8 n_interactions`` bytes, twice as much meanwhile. Users and items
            that are folded in have the mean penalties of their side, ``reg_param_ * n_interactions_ / n_users_`` and
            ``reg_param_ * n_interactions_ / n_items_``.
        """
        check_is_fitted(self)
        users, items = self._collected("user"), self._collected("item")
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

    def _collected(self, name: str) -> Side:
        """Users or items, on this machine."""
        table = self._data.ids[name].join(self._coded_factors[name], "code").toArrow()
        order = np.argsort(np.asarray(table["code"]))
        ids = table["id"].to_numpy()[order]
        vectors = vectors_of(table["features"].combine_chunks(), self.n_components)
        return Side(ids, vectors[order])

    def unpersist(self) -> None:
        """Release what `fit` keeps in the cluster. `recommend` and `to_local` still work, but compute it anew."""
        check_is_fitted(self)
        self._persisted.close()

    def __getstate__(self) -> dict[str, Any]:
        if "_data" in vars(self):
            raise TypeError(
                "A fitted SparkWRMFRecommender is data in a cluster and cannot be pickled: save what to_local() "
                "returns, or write user_factors_ and item_factors_ to Parquet."
            )
        return super().__getstate__()
