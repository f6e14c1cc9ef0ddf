"""Time EASE and item-based neighbours beside other implementations, and compare their accuracy.

The other implementations are EASE as a few lines of NumPy and LAPACK, and the item-item models of implicit. EASE has a
penalty of 100, and all models of neighbours have 100 neighbours. implicit counts the item itself as a neighbour, so it
gets 101. Each model is fitted on the rows of a data set, so the times include the encoding of ids by this package, but
not by the others, which get a matrix.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import scipy.linalg
from board_data import Scores, Split, evaluate, split
from common import alternate, compare_seconds, machine, markdown, publish, timed
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from threadpoolctl import threadpool_limits

from sklearn_recsketch import EASERecommender, ItemKNNRecommender

SETS = ["lastfm", "steam"]
PENALTY, NEIGHBOURS = 100.0, 100
PAIRS = [
    ("EASERecommender", "EASE, numpy.linalg.inv"),
    ("EASERecommender", "EASE, LAPACK in float32"),
    ("ItemKNNRecommender, cosine", "CosineRecommender (implicit)"),
    ("ItemKNNRecommender, bm25", "BM25Recommender (implicit)"),
]


def dense_ease(matrix) -> np.ndarray:
    """EASE as in the paper, in float64."""
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += PENALTY
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def lapack_ease(matrix) -> np.ndarray:
    """EASE with the inverse from a Cholesky factorization in place, in float32."""
    gram = np.asfortranarray((matrix.T @ matrix).toarray())
    gram[np.diag_indices_from(gram)] += PENALTY
    factorize, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = factorize(gram, lower=1, overwrite_a=1)
    inverse, singular = invert(factor, lower=1, overwrite_c=1)
    assert not failed and not singular
    inverse = np.tril(inverse, -1) + np.tril(inverse).T
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def models(data: Split, n_jobs: int) -> dict[str, Callable[[], object]]:
    """Functions that fit each model and return its weights of pairs of items."""
    matrix = data.matrix()

    def implicit(cls: type) -> object:
        model = cls(K=NEIGHBOURS + 1, num_threads=n_jobs)
        model.fit(matrix, show_progress=False)
        return model.similarity

    def dense(fit: Callable) -> np.ndarray:
        with threadpool_limits(n_jobs):
            return fit(matrix)

    return {
        "EASERecommender": lambda: EASERecommender(PENALTY, n_jobs=n_jobs).fit(data.train).item_weights_,
        "EASE, numpy.linalg.inv": lambda: dense(dense_ease),
        "EASE, LAPACK in float32": lambda: dense(lapack_ease),
        **{
            f"ItemKNNRecommender, {weighting}": lambda weighting=weighting: (
                ItemKNNRecommender(NEIGHBOURS, weighting=weighting, n_jobs=n_jobs).fit(data.train).item_weights_
            )
            for weighting in ("cosine", "bm25")
        },
        "CosineRecommender (implicit)": lambda: implicit(CosineRecommender),
        "BM25Recommender (implicit)": lambda: implicit(BM25Recommender),
    }


def scores_of(weights, data: Split) -> Scores:
    """Scores as sums of weights over the training rows of a user."""
    matrix = data.matrix()

    def scores(rows: np.ndarray) -> np.ndarray:
        product = matrix[rows] @ weights
        return product if isinstance(product, np.ndarray) else product.toarray()

    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # implicit converts its own matrix
    parts = [machine("implicit", "scipy")]
    for name in SETS:
        data = split(name, 0)
        quality = {
            model: evaluate(scores_of(fit(), data), data)["ndcg@20"]  # also compiles the kernels
            for model, fit in models(data, 1).items()
        }
        for n_jobs in (1, 2):
            fits = models(data, n_jobs)
            seconds = alternate({model: lambda fit=fit: timed(fit) for model, fit in fits.items()}, arguments.rounds)
            table = compare_seconds(seconds, PAIRS)
            for side in ("ours", "peer"):
                table[f"nDCG@20, {side}"] = [f"{quality[model]:.4f}" for model in table[side]]
            shape = f"{len(data.users):,} users x {len(data.items):,} items"
            parts.append(f"{name}, {shape}, n_jobs={n_jobs}, {arguments.rounds} rounds.\n\n{markdown(table)}")
    publish("baselines", "\n\n".join(parts))


if __name__ == "__main__":
    main()
