"""EASE: least squares on pairs of items in closed form."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.spd_inverse import BLOCK, invert_negated, work_values
from sklearn_recsketch.kernels._item_pairs import count_common_users
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.kernels._sparse import sparse_product
from sklearn_recsketch.recommenders._item_weights import MOST_TERMS, ItemWeightRecommender, common_user_ranges
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._memory import available_bytes
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, even_ranges, workers

__all__ = ["EASERecommender"]

CHECKED_COLUMNS = 16
# Interactions that are multiplied at once, so that an interruption takes effect within a tenth of a second.
CHECKED_ENTRIES = 2**20
LARGEST_ERROR = 0.01  # of a weight, relative to the largest weight


class EASERecommender(ItemWeightRecommender):
    """Embarrassingly shallow autoencoder (EASE): linear regression of each item on all other items.

    The predicted preference of a user for item j is the sum of the weights ``B_ij`` over the items i in the user's
    history. The weights minimize the objective function

    ``|P - P B|^2 + regularization * |B|^2``

    subject to ``B_jj = 0`` for all items j [1]_. ``P_ui`` is 1 if user u has interacted with item i, and 0 otherwise.
    The solution in closed form is ``B_ij = -Q_ij / Q_jj`` for i != j, where Q is the inverse of
    ``P'P + regularization * I``.

    The strengths of interactions are not used beyond the presence of the interaction. Their unit and repeated rows
    therefore do not matter. This recommender is a strong baseline for up to about 20,000 items.

    Parameters
    ----------
    regularization : "auto" or float, default="auto"
        Penalty of the weights. "auto" stands for ``3 n / sqrt(n_users n_items)``, where n is the number of pairs of a
        user and an item that interacted, and only users and items with interactions are counted. See the Notes. Other
        values must be between 1e-30 and 1e30, which have reciprocals in float32.
    n_jobs : int, default=None
        Number of threads, as in joblib. The result does not depend on it.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    item_weights_ : ndarray of shape (n_items, n_items), dtype float32
        Weights ``B``. Row i holds the weights of item i in the scores of all items. The diagonal is zero.
    item_shares_ : ndarray of shape (n_items,), dtype float32
        Share of the users with interactions who interacted with each item. These are the scores of users without a
        history.
    regularization_ : float
        Penalty of the weights.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions in fit.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    Raises
    ------
    ValueError
        If `regularization` is so small that float32 is not precise enough. See the Notes.
    MemoryError
        If fit needs more memory than is available. It is raised before the memory is allocated.

    See Also
    --------
    ItemKNNRecommender : Weights of pairs of items from their similarity, for any number of items.
    WRMFRecommender : Matrix factorization, for any number of items.

    Notes
    -----
    Fitting takes O(n_items^3) time and 4 n_items^2 bytes of memory, in which the matrix is inverted in place. These are
    0.9 GB for 15,000 items. `partial_fit` inverts the matrix again and takes as long as `fit`. The scores of n users
    take O(n_items * m) time, where m is the number of interactions in their histories. Items that are not in the
    training data have the score 0, as have items without interactions.

    A user without a history gets the most popular items. Items with the score 0 in a user's list are in the order of
    their ids.

    The matrix is inverted in float32, whose rounding errors grow as the penalty becomes smaller. The errors of 16
    columns of weights are therefore estimated after each fit, by a step of iterative refinement in float64. If an error
    exceeds 1 % of the largest weight, a ValueError is raised. This happens with penalties far below those that rank
    well: at 0.005 for random data of 300 users and 700 items, and at 1 if many items have exactly the same users.

    The automatic penalty is three quarters of the square of the largest singular value of a random square matrix, in
    which each row has as many interactions as the geometric mean of those per user and per item. With a fifth of the
    rows held out, its nDCG@20 was at most 0.5 % below the best of a grid of penalties on nine of eleven data sets:
    Last.fm, Steam, RetailRocket, synthetic data, and subsets of popular items of Last.fm, Steam and Gowalla. It was 2 %
    below the best on Amazon Beauty, where 100 is the best penalty, and 1.7 % below a penalty of 25 on citeulike-a, the
    smallest value of the grid. All of these data sets have fewer than 25,000 users. With many more users than items,
    the rule was not measured.

    References
    ----------
    .. [1] H. Steck. Embarrassingly shallow autoencoders for sparse data. WWW 2019. doi:10.1145/3308558.3313710

    Examples
    --------
    >>> from sklearn_recsketch import EASERecommender
    >>> X = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 9], ["eve", 8], ["bob", 8]]
    >>> EASERecommender(regularization=1).fit(X).recommend(["ann"], k=2)
      user  rank  item     score
    0  ann     1     8  0.285714
    """

    _parameter_constraints: dict[str, Any] = {
        "regularization": [Interval(Real, 1e-30, 1e30, closed="both"), StrOptions({"auto"})],
        "n_jobs": [Integral, None],
    }

    item_weights_: np.ndarray
    regularization_: float

    def __init__(self, regularization: float | str = "auto", *, n_jobs: int | None = None) -> None:
        self.regularization = regularization
        self.n_jobs = n_jobs

    def _learn_weights(self, interactions: sp.csr_array) -> dict[str, Any]:
        penalty = _automatic_penalty(interactions) if self.regularization == "auto" else float(self.regularization)
        with workers(self.n_jobs) as pool:
            _check_memory(interactions.shape[1], pool.n_threads)
            weights = _gram(interactions, pool)
            weights[np.diag_indices_from(weights)] += np.float32(penalty)
            try:
                invert_negated(weights, pool)
            except np.linalg.LinAlgError:
                raise self._too_small("that P'P + regularization * I is singular in float32") from None
            diagonal = _divide_by_diagonal(weights, pool)
            error = _relative_error(weights, diagonal, interactions, penalty, pool)
        if not error <= LARGEST_ERROR:
            raise self._too_small(
                f"for float32 that the error of the weights is about {error:.2g} times the largest weight (at most "
                f"{LARGEST_ERROR} is accepted)"
            )
        return {"item_weights_": weights, "regularization_": penalty}

    def _too_small(self, consequence: str) -> ValueError:
        return ValueError(
            f"regularization={self.regularization!r} is so small {consequence}. Pass a larger value: values between 10 "
            f"and 1000 are common."
        )

    def _add_weights(self, history: sp.csr_array) -> np.ndarray:
        scores = np.empty(history.shape, dtype=np.float32)
        rows, weights = rows_of(history), read_only(self.item_weights_)
        ones = rows._replace(data=read_only(np.ones(len(rows.indices), dtype=np.float32)))
        for start, stop in balanced_ranges(rows.indptr * len(weights), 1, MOST_TERMS):
            sparse_product(start, stop, ones, weights, scores)
        return scores

    def _weights_of(self, items: np.ndarray) -> np.ndarray:
        weights = self.item_weights_[items]
        return np.where(weights == 0, np.float32(-np.inf), weights)


def _automatic_penalty(interactions: sp.csr_array) -> float:
    n_users = np.count_nonzero(np.diff(interactions.indptr))
    n_items = len(np.unique(interactions.indices))
    return float(3 * interactions.nnz / np.sqrt(n_users * n_items))


def _check_memory(n_items: int, n_threads: int) -> None:
    """Raise a MemoryError if the matrix of all pairs of items does not fit into memory."""
    needed = 4 * (n_items**2 + work_values(n_items, n_threads))
    available = available_bytes()
    if available is not None and needed > available:
        raise MemoryError(
            f"EASERecommender needs {needed:,} bytes of memory for the {n_items:,} x {n_items:,} matrix of pairs of "
            f"items, but {available:,} bytes are available. Keep fewer items, for example with "
            f"InteractionThresholder(item_min=10), or use ItemKNNRecommender or WRMFRecommender, whose memory is "
            f"proportional to the number of items."
        )


def _gram(interactions: sp.csr_array, pool: Workers) -> np.ndarray:
    """Return the lower triangle of the matrix of the numbers of common users."""
    item_users = sp.csr_array(interactions.T)
    by_item, by_user = rows_of(item_users), rows_of(interactions)
    out = np.zeros((item_users.shape[0],) * 2, dtype=np.float32)
    ranges = common_user_ranges(item_users, interactions)
    pool.map(lambda task: count_common_users(task[0], task[1], by_item, by_user, out), ranges)
    return out


def _divide_by_diagonal(negated: np.ndarray, pool: Workers) -> np.ndarray:
    """Replace the lower triangle of -Q by the matrix B with the elements -Q_ij / Q_jj and zeros on the diagonal.

    The diagonal of Q is returned.
    """
    diagonal = -np.diag(negated)
    ranges = even_ranges(len(negated), BLOCK)

    def part(task: tuple[int, int]) -> None:
        rows = slice(*task)
        for first, last in ranges:
            if first >= task[1]:
                break
            columns = slice(first, last)
            block = negated[rows, columns].copy()
            if first == task[0]:
                block = np.tril(block, -1)
                block += block.T
            else:
                negated[columns, rows] = block.T / diagonal[rows]
            negated[rows, columns] = block / diagonal[columns]

    pool.map(part, ranges[::-1])
    return np.asarray(diagonal)


def _relative_error(
    weights: np.ndarray, diagonal: np.ndarray, interactions: sp.csr_array, penalty: float, pool: Workers
) -> float:
    """Estimate the largest error of some columns of the weights B, divided by the largest weight in them.

    The exact columns of I - B are proportional to those of Q, the inverse of A = P'P + penalty * I. The elements of
    A (I - B) off the diagonal are therefore zero. The estimate is the step of iterative refinement that corrects them.
    """
    columns = np.unique(np.linspace(0, len(weights) - 1, CHECKED_COLUMNS).astype(np.intp))
    own = columns, np.arange(len(columns))
    found = -weights[:, columns].astype(np.float64)
    found[own] = 1
    residual = penalty * found
    for start, stop in balanced_ranges(interactions.indptr, 1, CHECKED_ENTRIES):
        bounds = interactions.indptr[start : stop + 1]
        indices = interactions.indices[bounds[0] : bounds[-1]]
        P = sp.csr_array((np.ones(len(indices)), indices, bounds - bounds[0]), shape=(stop - start, len(weights)))
        residual += P.T @ (P @ found)
    residual[own] = 0
    step = (diagonal[:, None] * residual).astype(np.float32)
    parts = pool.map(lambda task: weights[slice(*task)] @ step, even_ranges(len(weights), BLOCK))
    refined = found - step + np.concatenate(parts)
    refined /= refined[own]
    largest = np.abs(weights[:, columns]).max()
    return float(np.abs(refined - found).max() / largest) if largest > 0 else 0.0
