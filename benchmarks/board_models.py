"""Models of the board: our recommenders with default parameters, and models of other libraries with theirs."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from board_data import Scores, Split
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from lightfm import LightFM
from sklearn.base import clone
from threadpoolctl import threadpool_limits

import sklearn_recsketch
from sklearn_recsketch import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    WARPRecommender,
    WRMFRecommender,
)

OURS = {"WRMF": WRMFRecommender, "WARP": WARPRecommender, "BPR": BPRRecommender}
EASE_ITEMS, FLOAT64_ITEMS = 20_000, 8_000


class Model(NamedTuple):
    """A row of the board.

    `code` identifies the version of the code, so that measurements of other versions are not reused. Models of other
    libraries with the same `label` share a point in the figure, which shows the best of them. `rival` is our
    recommender with the same loss.
    """

    fit: Callable[[Split], Scores]
    code: str
    label: str = ""
    rival: str = ""
    random: bool = True
    fits: Callable[[Split], bool] = lambda data: True


def from_factors(users: np.ndarray, items: np.ndarray, biases: np.ndarray | None = None) -> Scores:
    """Scores as inner products of factors, plus the biases of items."""
    return lambda rows: users[rows] @ items.T + (0 if biases is None else biases)


def ours(data: Split, name: str, counts: bool = False, tags: bool = False, **parameters: Any) -> Scores:
    """Fit WRMF, WARP or BPR, and sort its factors in the order of the matrix."""
    model = OURS[name](n_jobs=1, random_state=data.seed, **parameters)
    model.fit(data.train, data.counts if counts else None, item_features=data.tags if tags else None)
    rows, columns = np.searchsorted(model.users_, data.users), np.searchsorted(model.items_, data.items)
    biases = getattr(model, "item_biases_", None)
    return from_factors(
        model.user_factors_[rows], model.item_factors_[columns], None if biases is None else biases[columns]
    )


def popularity(data: Split) -> Scores:
    counts = np.bincount(data.matrix().indices, minlength=len(data.items))
    return lambda rows: np.broadcast_to(counts, (len(rows), len(counts)))


def neighbours(data: Split, recommender: type) -> Scores:
    """Fit an item-item model of implicit."""
    matrix = data.matrix()
    model = recommender(K=100, num_threads=1)
    model.fit(matrix, show_progress=False)
    return lambda rows: (matrix[rows] @ model.similarity).toarray()


def ease(data: Split, regularization: float) -> Scores:
    """EASE (Steck, 2019) in closed form: B = I - P / diag(P), where P is the inverse of X'X + regularization I."""
    matrix = data.matrix().astype(np.float64 if len(data.items) <= FLOAT64_ITEMS else np.float32)
    gram = np.asfortranarray((matrix.T @ matrix).toarray())
    gram[np.diag_indices_from(gram)] += regularization
    factorize, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = factorize(gram, lower=1, overwrite_a=1)
    inverse, singular = invert(factor, lower=1, overwrite_c=1)
    assert not failed and not singular
    for start in range(0, len(inverse), 1000):  # fills the other triangle without a copy of the matrix
        block = slice(start, start + 1000)
        inverse[block, block] = np.tril(inverse[block, block]) + np.tril(inverse[block, block], -1).T
        inverse[block, start + 1000 :] = inverse[start + 1000 :, block].T
    inverse /= -np.diag(inverse).copy()
    np.fill_diagonal(inverse, 0)
    return lambda rows: matrix[rows] @ inverse


def our_baseline(data: Split, model: Any) -> Scores:
    """Fit one of our recommenders with weights of pairs of items."""
    weights, matrix = clone(model).set_params(n_jobs=1).fit(data.train).item_weights_, data.matrix()
    if isinstance(weights, np.ndarray):
        return lambda rows: matrix[rows] @ weights
    return lambda rows: (matrix[rows] @ weights).toarray()


def als(data: Split) -> Scores:
    model = AlternatingLeastSquares(random_state=data.seed, num_threads=1)
    model.fit(data.matrix(), show_progress=False)
    return from_factors(model.user_factors, model.item_factors)


def implicit_bpr(data: Split) -> Scores:
    model = BayesianPersonalizedRanking(random_state=data.seed, num_threads=1)
    model.fit(data.matrix(), show_progress=False)
    return from_factors(model.user_factors, model.item_factors)  # the last component is the bias


def lightfm(data: Split, loss: str, components: int) -> Scores:
    model = LightFM(components, loss=loss, random_state=data.seed)
    model.fit(data.matrix(), epochs=30, num_threads=1)
    return from_factors(model.user_embeddings, model.item_embeddings, model.item_biases)


def our_code() -> str:
    """Hash of the source files that affect fits."""
    folder = Path(sklearn_recsketch.__file__).parent
    parts = ("_data", "_linalg", "kernels", "preprocessing", "recommenders")
    sources = sorted(path for part in parts for path in (folder / part).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def lightfm_version() -> str:
    """Version of LightFM, whose module is provided by three distributions."""
    import lightfm as module

    return f"lightfm {module.__version__}"


def peers() -> dict[str, Model]:
    """Models of other libraries."""
    implicit, light = f"implicit {version('implicit')}", lightfm_version()

    def neighbour(recommender: type) -> Model:
        return Model(partial(neighbours, recommender=recommender), implicit, "kNN", random=False)

    def closed_form(regularization: float) -> Model:
        fit = partial(ease, regularization=regularization)
        return Model(fit, "1", "EASE", random=False, fits=lambda data: len(data.items) <= EASE_ITEMS)

    def from_lightfm(loss: str, components: int) -> Model:
        rival = loss.upper()
        return Model(partial(lightfm, loss=loss, components=components), light, f"LightFM {rival}", rival)

    return {
        "popularity": Model(popularity, "1", "popularity", random=False),
        "kNN, cosine (implicit)": neighbour(CosineRecommender),
        "kNN, BM25 (implicit)": neighbour(BM25Recommender),
        "EASE, 100": closed_form(100),
        "EASE, 500": closed_form(500),
        "ALS (implicit)": Model(als, implicit, "implicit ALS", "WRMF"),
        "BPR (implicit)": Model(implicit_bpr, implicit, "implicit BPR", "BPR"),
        "WARP, 10 (LightFM)": from_lightfm("warp", 10),
        "WARP, 64 (LightFM)": from_lightfm("warp", 64),
        "BPR, 64 (LightFM)": from_lightfm("bpr", 64),
    }


def our_models() -> dict[str, Model]:
    """Our recommenders; WRMF, WARP and BPR also with counts as `y` and with tags if a data set has them."""
    code = our_code()
    models = {}
    for name in OURS:
        fit = partial(ours, name=name)
        models[name] = Model(fit, code)
        models[f"{name}, counts"] = Model(partial(fit, counts=True), code, fits=lambda data: data.counts is not None)
        models[f"{name}, tags"] = Model(partial(fit, tags=True), code, fits=lambda data: data.tags is not None)

    for name, recommender in {
        "EASE": EASERecommender(),
        "kNN, cosine": ItemKNNRecommender(),
        "kNN, BM25": ItemKNNRecommender(weighting="bm25"),
    }.items():
        fit = partial(our_baseline, model=recommender)
        largest = EASE_ITEMS if name == "EASE" else sys.maxsize
        models[name] = Model(fit, code, random=False, fits=lambda data, largest=largest: len(data.items) <= largest)
    return models


def timed_fit(fit: Callable[[Split], Scores], data: Split) -> tuple[Scores, float]:
    """Scores and CPU seconds of a fit; CPU time hardly depends on the load of the machine."""
    with threadpool_limits(1):
        start = time.process_time()
        scores = fit(data)
        return scores, time.process_time() - start


def compile_ours(data: Split) -> None:
    """Fit each of our recommenders once, so that compilation is not included in measurements."""
    for name in OURS:
        for tags in (False, True):
            ours(data, name, counts=True, tags=tags)
    for model in (EASERecommender(), ItemKNNRecommender()):
        our_baseline(data, model)
