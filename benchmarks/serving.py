"""Recall and speed of single queries to an index, compared to exact search.

python benchmarks/serving.py [--only one_user] [--only million] [--only gowalla] [--only augmented]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import PeakMemory, gowalla, machine, markdown, publish, run_parts
from implicit.cpu.als import AlternatingLeastSquares

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.recommenders._from_factors import fit_from_factors
from sklearn_recsketch.serving import EmbeddingIndex, augment_items, augment_users, to_index
from sklearn_recsketch.serving._hnsw import Hnsw
from sklearn_recsketch.utils._threads import workers

K, N_JOBS, N_QUERIES, TOP = 64, 2, 1000, 10
EXPANSIONS = (32, 64, 128, 256)
CENTRES = 1000


def near_centres(centres: np.ndarray, n: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Vectors with directions near random centres, and with the log-normal norms that WRMF has on Gowalla."""
    vectors = centres[rng.integers(0, len(centres), n)]
    vectors += noise / np.sqrt(K) * rng.standard_normal(vectors.shape, dtype=np.float32)
    lengths = np.exp(0.4 * rng.standard_normal((n, 1), dtype=np.float32))
    return vectors * (lengths / np.linalg.norm(vectors, axis=1, keepdims=True))


def synthetic_model(n_items: int, n_users: int = 10_000) -> WRMFRecommender:
    """A recommender with synthetic factors."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, K), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    users, items = near_centres(centres, n_users, 1.0, rng), near_centres(centres, n_items, 0.5, rng)
    recommender = WRMFRecommender(K, alpha=40, regularization=10)  # "auto" needs interactions
    return fit_from_factors(recommender, np.arange(n_users), np.arange(n_items), users, items)


def gowalla_model() -> WRMFRecommender:
    """WRMF fitted to Gowalla."""
    data = gowalla(or_made_up=False)
    return WRMFRecommender(K, n_jobs=N_JOBS, random_state=0).fit(data.train)


def milliseconds(run: Callable[[object], object], queries: Iterable[object]) -> str:
    """Median time of a query, without the first one."""
    times = []
    for query in queries:
        start = time.perf_counter()
        run(query)
        times.append(time.perf_counter() - start)
    return f"{1000 * np.median(times[1:]):.3f}"


def with_numpy(items: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Compute all scores, select the best ones and sort them."""
    scores = items @ query[0]
    best = np.argpartition(-scores, TOP)[:TOP]
    return best[np.argsort(-scores[best])]


def recall(scores: np.ndarray, exact: np.ndarray) -> str:
    """Recall: fraction of scores that are at least as large as the last exact one."""
    return f"{(scores >= exact[:, -1:]).mean():.4f}"


def single_queries(model: WRMFRecommender, index: EmbeddingIndex) -> pd.DataFrame:
    """Table of recall and time, with a row per kind of search."""
    users = np.random.default_rng(1).choice(model.users_, N_QUERIES, replace=False)
    queries = model._score_vectors("user", np.searchsorted(model.users_, users))
    one_by_one = list(queries[:, None])
    exact = to_index(model, "exact")
    wanted = exact.search(queries, TOP)[1]
    rows = []
    for expansion in EXPANSIONS:
        index.expansion_search = expansion
        found = np.vstack([index.search(query, TOP)[1] for query in one_by_one])
        time_of_one = milliseconds(lambda query: index.search(query, TOP), one_by_one)
        rows.append((f"`hnsw`, expansion_search={expansion}", recall(found, wanted), time_of_one))
    rows.append(("`exact`", "1", milliseconds(lambda query: exact.search(query, TOP), one_by_one)))
    plain = np.ascontiguousarray(exact.vectors)
    with workers(None):
        rows.append(("numpy", "1", milliseconds(lambda query: with_numpy(plain, query), one_by_one)))
    index.expansion_search = 128
    for name, recommend in (("`hnsw`", index.recommend), ("`exact`", exact.recommend)):
        rows.append(
            (f"`recommend` of {name}", "", milliseconds(lambda user, recommend=recommend: recommend(user, TOP), users))
        )
    few = milliseconds(lambda user: model.recommend(user, TOP), users[:20])
    rows.append(("`recommend` of the recommender", "1", few))
    return pd.DataFrame(rows, columns=["search", f"recall@{TOP}", "ms a query"])


def measure(section: str, text: str, model: WRMFRecommender) -> None:
    """Build an index, run single queries, and publish the results."""
    n = len(model.items_)
    to_index(model, "exact").recommend(model.users_[:1])  # compiles the kernels
    with PeakMemory() as memory:
        start = time.perf_counter()
        index = to_index(model, n_jobs=N_JOBS)
        seconds = time.perf_counter() - start
    index.n_jobs = None
    vectors = (index.vectors.nbytes + model.user_factors_.nbytes) / 2**20
    head = (
        f"{text} `to_index` took {seconds:.0f} s on {N_JOBS} threads and {memory.peak - memory.before:.0f} MiB at its "
        f"peak, {vectors:.0f} of them for a copy of the vectors. {N_QUERIES} queries for the top {TOP} of {n:,} items, "
        f"one at a time on one thread, medians."
    )
    publish(section, "\n\n".join([machine("usearch"), head, markdown(single_queries(model, index))]))


def million() -> None:
    """Measure on synthetic factors of a million items."""
    text = (
        f"1,000,000 items of {K} components: directions are one of {CENTRES:,} random centres plus noise of half its "
        "length, users of its whole length; norms are log-normal."
    )
    measure("serving, a million items", text, synthetic_model(1_000_000))


def real() -> None:
    """Measure on factors of real data."""
    measure("serving, Gowalla", f"WRMF with {K} components, fitted to Gowalla.", gowalla_model())


def augmented() -> None:
    """Compare the recall of graphs of original and of augmented vectors."""
    model = gowalla_model()
    items, users = model.item_factors_, model.user_factors_[:N_QUERIES]
    exact = np.sort(users @ items.T, axis=1)[:, ::-1][:, :TOP] * (1 - 1e-6)  # tolerates rounding errors
    ways = {"plain vectors": (users, items), "augmented": (augment_users(users), augment_items(items))}
    table = pd.DataFrame({"expansion_search": EXPANSIONS})
    with workers(N_JOBS) as pool:
        for name, (queries, vectors) in ways.items():
            graph = Hnsw.build(vectors, pool, connectivity=16, expansion_add=128, expansion_search=128)
            found = []
            for graph.expansion_search in EXPANSIONS:
                best = graph.top(queries, None, TOP, pool)
                found.append(recall(np.einsum("uk,uik->ui", users, items[best]), exact))
            table[name] = found
    publish("serving, augmented", f"Recall@{TOP} on the factors of Gowalla:\n\n{markdown(table)}")


def one_user() -> None:
    """Time the table of recommendations for one known user, beside implicit on the same factors."""
    rows = []
    for n_items in (2_000, 41_000):
        rng = np.random.default_rng(0)
        n_users = 5_000
        seen = sp.random_array((n_users, n_items), density=40 / n_items, rng=rng, dtype=np.float32, format="csr")
        x, y = (rng.standard_normal((n, K), dtype=np.float32) for n in (n_users, n_items))
        model = WRMFRecommender(K, alpha=40, regularization=10)
        fit_from_factors(model, np.arange(n_users), np.arange(n_items), x, y, interactions=seen)
        peer = AlternatingLeastSquares(factors=K, num_threads=1)
        peer.user_factors, peer.item_factors = x, y
        matrix = sp.csr_matrix((seen.data, seen.indices.astype(np.int32), seen.indptr.astype(np.int32)), seen.shape)
        index = to_index(model, "exact")
        histories = np.split(matrix.indices, matrix.indptr[1:-1])
        searches: dict[str, Callable[[object], object]] = {
            "`rec.recommend`": lambda user, model=model: model.recommend(user, TOP),
            "`recommend` of an exact index": lambda user, index=index: index.recommend(user, TOP),
            "implicit": lambda user, peer=peer, matrix=matrix: peer.recommend(user, matrix[user], N=TOP),
            "history": lambda user, model=model, items=histories: model.recommend(history=items[user], k=TOP),
            "history, implicit": lambda user, peer=peer, matrix=matrix: peer.recommend(
                user, matrix[user], N=TOP, recalculate_user=True
            ),
        }
        users = rng.integers(0, n_users, N_QUERIES).tolist()
        rounds = [{name: milliseconds(run, users) for name, run in searches.items()} for _ in range(5)]
        rows.append({"items": f"{n_items:,}"} | pd.DataFrame(rounds).astype(float).median().round(3).to_dict())
    head = f"Median ms of a query for the top {TOP} of one user, {K} components, one thread, five alternating rounds."
    publish("serving, one user", "\n\n".join([machine("implicit"), head, markdown(pd.DataFrame(rows))]))


if __name__ == "__main__":
    run_parts(__doc__, {"one_user": one_user, "million": million, "gowalla": real, "augmented": augmented})
