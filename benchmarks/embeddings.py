"""Tag suggestions, sorting by tag and similar items, compared to other libraries.

    python benchmarks/embeddings.py [--only {suggest,sort,similar}]

Some tags of citeulike-a with five or more articles are hidden and have to be recovered. Similar items are computed for
all items of Gowalla. Requires the extra [bench]. "The post" is Ethan Rosenthal, "Learning to Rank Sketchfab Models with
LightFM" (2016).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import contestants
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import (
    PeakMemory,
    alternate,
    citeulike,
    citeulike_tags,
    compare_seconds,
    gowalla,
    machine,
    markdown,
    publish,
    run_parts,
    timed,
)
from implicit.cpu.als import AlternatingLeastSquares
from lightfm import LightFM
from threadpoolctl import threadpool_limits

from sklearn_recsketch import BPRRecommender, SideFeatureEncoder, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.inspection import rank_by_feature, suggest_features
from sklearn_recsketch.preprocessing import to_matrix

THREADS, SEEDS = 2, 3
Ranking = Callable[[np.ndarray], np.ndarray]  # from row indices of candidates to the ten best of them
POPULAR = "most popular tags"
OURS = {"WRMF": WRMFRecommender, "WARP": WARPRecommender}


class HiddenTags(NamedTuple):
    """Task of recovering hidden tags: item-tag matrices of the visible tags and of the hidden ones."""

    items: np.ndarray
    names: np.ndarray
    visible: sp.csr_array
    hidden: sp.csr_array

    def features(self) -> SideFeatures:
        """Visible tags, for our models."""
        keys, values = zip(*(name.split("=", 1) for name in self.names), strict=True)
        return SideFeatures(self.items, np.array(keys, object), np.array(values, object), self.visible)


def tags_on_five(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, sp.csr_array]:
    """Items with interactions, the names of the tags that five or more of them have, and the item-tag matrix."""
    aligned = citeulike_tags().align(np.unique(X["item"]), "item")
    often = np.bincount(aligned.matrix.indices, minlength=aligned.matrix.shape[1]) >= 5
    return aligned.ids, aligned.feature_names()[often], sp.csr_array(aligned.matrix[:, np.flatnonzero(often)])


def hide(matrix: sp.csr_array, rows: np.ndarray, divisor: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Hide a random 1 / `divisor` of the entries of these rows; return the visible and the hidden entries."""
    taken = np.zeros(matrix.nnz, dtype=bool)
    for row in rows:
        places = np.arange(matrix.indptr[row], matrix.indptr[row + 1])
        taken[rng.choice(places, len(places) // divisor, replace=False)] = True
    entries = matrix.tocoo()
    return tuple(
        sp.csr_array((entries.data[keep], (entries.row[keep], entries.col[keep])), shape=matrix.shape)
        for keep in (~taken, taken)
    )


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.divide(a @ b.T, length, out=np.zeros((len(a), len(b)), a.dtype), where=length > 0)


def lightfm_embeddings(
    X: pd.DataFrame, task: HiddenTags, K: int, seed: int, encode: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Representations of items and embeddings of tags, with our encoder or with tags next to an identity block."""
    matrix = contestants.plain_csr(to_matrix(X, items=task.items)[0])
    encoded = sp.csr_array(sp.hstack([sp.eye_array(len(task.items)), task.visible]))
    if encode:
        encoded = sp.csr_array(SideFeatureEncoder().fit_transform(task.features()))
    encoded = contestants.plain_csr(encoded.astype(np.float32))
    model = LightFM(no_components=K, loss="warp", random_state=seed)
    model.fit(matrix, item_features=encoded, epochs=30, num_threads=THREADS)
    return encoded @ model.item_embeddings, model.item_embeddings[len(task.items) :]


def ours(name: str, X: pd.DataFrame, task: HiddenTags, K: int, seed: int) -> Any:
    return OURS[name](K, n_jobs=THREADS, random_state=seed).fit(X, item_features=task.features())


def mean_and_error(found: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard error of each contestant over the seeds."""
    groups = found.groupby("from", sort=False)
    text = groups.mean().map("{:.4f}".format) + " +- " + groups.sem().map("{:.4f}".format)
    return text.reset_index()


# Suggesting tags.


def recall(best: np.ndarray, task: HiddenTags, rows: np.ndarray) -> float:
    """Mean fraction of an item's hidden tags among the ten suggested tags."""
    wanted = task.hidden[rows].toarray() > 0
    hits = np.where(best >= 0, np.take_along_axis(wanted, np.maximum(best, 0), axis=1), False)
    return float((hits.sum(axis=1) / wanted.sum(axis=1)).mean())


def ten_best(scores: np.ndarray, task: HiddenTags, rows: np.ndarray) -> np.ndarray:
    """The ten tags with the largest scores, without the visible tags of an item."""
    scores = np.where(task.visible[rows].toarray() > 0, -np.inf, scores)
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def suggested(model: Any, task: HiddenTags, rows: np.ndarray) -> np.ndarray:
    table = suggest_features(model, task.items[rows], k=10, prefix="tag=")
    best = np.full((len(rows), 10), -1)
    place = pd.Series(np.arange(len(rows)), index=task.items[rows])
    column = pd.Series(np.arange(len(task.names)), index=task.names)
    best[place[table["item"]].to_numpy(), table["rank"].to_numpy() - 1] = column[table["feature"]].to_numpy()
    return best


def suggestions_of_all(
    X: pd.DataFrame, task: HiddenTags, rows: np.ndarray, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield ten suggested tags per row from each contestant."""
    carried = np.maximum(task.visible.sum(axis=0), 1)
    yield POPULAR, ten_best(np.tile(carried, (len(rows), 1)), task, rows)
    pairs = (task.visible.T @ task.visible).toarray()
    np.fill_diagonal(pairs, 0)
    yield (
        "co-occurrence, cosine",
        ten_best(task.visible[rows] @ (pairs / np.sqrt(np.outer(carried, carried))), task, rows),
    )
    for K in (64, 128):
        for name in OURS:
            model = ours(name, X, task, K, seed)
            yield f"suggest_features, {name}, {K} components", suggested(model, task, rows)
            near = embedding_cosines(model, task)[rows]
            yield f"cosine with embeddings, {name}, {K} components", ten_best(near, task, rows)
        near = cosines(*lightfm_embeddings(X, task, K, seed, encode=False))[rows]
        yield f"LightFM as in the post, {K} components", ten_best(near, task, rows)
    near = cosines(*lightfm_embeddings(X, task, 64, seed, encode=True))[rows]
    yield "LightFM with our encoder, 64 components", ten_best(near, task, rows)


def seconds_of_calls(X: pd.DataFrame, task: HiddenTags) -> pd.DataFrame:
    """Median time to suggest tags for one article, and the time to suggest tags for all of them."""
    rows = []
    for recommender in (WRMFRecommender, WARPRecommender, BPRRecommender):
        model = recommender(n_jobs=THREADS, random_state=0).fit(X, item_features=task.features())
        calls = [timed(lambda item=item, model=model: suggest_features(model, item)) for item in task.items[:100]]
        rows.append(
            {
                "model": recommender.__name__,
                "one article": f"{1000 * np.median(calls):.1f} ms",
                "all articles": f"{timed(lambda model=model: suggest_features(model, task.items)):.1f} s",
            }
        )
    return pd.DataFrame(rows)


def suggest() -> None:
    X = citeulike()
    items, names, tags = tags_on_five(X)
    found = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        rows = rng.choice(np.flatnonzero(np.diff(tags.indptr) >= 6), 1000, replace=False)
        task = HiddenTags(items, names, *hide(tags, rows, 3, rng))
        for label, best in suggestions_of_all(X, task, rows, seed):
            found.append({"from": label, "recall@10": recall(best, task, rows)})
            print(seed, found[-1], flush=True)
    table = pd.DataFrame(found)
    shown, means = mean_and_error(table), table.groupby("from", sort=False)["recall@10"].mean()
    shown["against popularity"] = (means / means[POPULAR]).map("{:.1f} x".format).to_numpy()
    publish(
        "suggesting tags",
        f"A third of the tags of 1,000 articles with six or more hidden, recall@10 of the hidden ones among "
        f"{len(names)} tags; models at their defaults, LightFM after 30 epochs; mean and standard error of {SEEDS} "
        f"draws.\n\n{markdown(shown)}\n\nDuration of a call of suggest_features with default parameters and "
        f"{THREADS} threads. {machine()}\n\n{markdown(seconds_of_calls(X, task))}",
    )


def embedding_cosines(model: Any, task: HiddenTags) -> np.ndarray:
    """Cosine similarities of all items to the embeddings of the task's tags."""
    names = model.item_encoder_.feature_names_
    column = pd.Series(np.arange(len(names)), index=names).reindex(task.names)
    embeddings = model.item_embeddings_[-len(names) :][column.fillna(0).astype(int)]
    return np.where(column.isna(), -np.inf, cosines(model.item_factors_, embeddings))


# Sorting by tag.


def precision(rank: Ranking, task: HiddenTags, tag: int) -> dict[str, float]:
    """Precision@10 of ranking items by tag, among items without the visible tag and among all items."""
    visible, hidden = (part[:, [tag]].toarray().ravel() > 0 for part in (task.visible, task.hidden))
    return {
        "of items not shown to have it": float(hidden[rank(np.flatnonzero(~visible))].mean()),
        "of all items": float((visible | hidden)[rank(np.arange(len(visible)))].mean()),
    }


def ranked(scores: np.ndarray) -> Ranking:
    return lambda among: among[np.argsort(-scores[among], kind="stable")[:10]]


def sorted_by(model: Any, task: HiddenTags, tag: int) -> Ranking:
    def rank(among: np.ndarray) -> np.ndarray:
        table = rank_by_feature(model, task.names[tag], k=10, candidates=task.items[among])
        return np.searchsorted(task.items, table["item"])

    return rank


def recommended_by_tag(model: Any, task: HiddenTags, tag: int) -> Ranking:
    """Rank items for a new user who has interacted with all items that have the visible tag."""
    tagged = task.items[task.visible[:, [tag]].toarray().ravel() > 0]

    def rank(among: np.ndarray) -> np.ndarray:
        history = pd.DataFrame({"user": "nobody", "item": tagged})
        table = model.recommend(k=10, history=history, candidates=task.items[among], exclude_seen=False)
        return np.searchsorted(task.items, table["item"])

    return rank


def rankings_of_all(X: pd.DataFrame, task: HiddenTags, seed: int) -> Iterator[tuple[str, Callable[[int], Ranking]]]:
    """Yield the ranking of items by tag of each contestant."""
    rng = np.random.default_rng(seed)
    yield "random", lambda tag: ranked(rng.random(len(task.items)))
    likes = np.bincount(np.searchsorted(task.items, X["item"])).astype(np.float64)
    yield "most liked", lambda tag: ranked(likes)
    for name in OURS:
        model = ours(name, X, task, 64, seed)
        yield f"rank_by_feature, {name}", partial(sorted_by, model, task)
        yield f"recommend(history=items shown to have it), {name}", partial(recommended_by_tag, model, task)
    near = cosines(*lightfm_embeddings(X, task, 64, seed, encode=False))
    yield "LightFM as in the post", lambda tag: ranked(near[:, tag])


def sort() -> None:
    X = citeulike()
    items, names, tags = tags_on_five(X)
    by_tag, found = sp.csr_array(tags.T), []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(np.flatnonzero(np.diff(by_tag.indptr) >= 20), 200, replace=False)
        task = HiddenTags(items, names, *(sp.csr_array(part.T) for part in hide(by_tag, chosen, 2, rng)))
        for label, ranking in rankings_of_all(X, task, seed):
            each = pd.DataFrame([precision(ranking(tag), task, tag) for tag in chosen])
            found.append({"from": label, **each.mean()})
            print(seed, found[-1], flush=True)
    publish(
        "sorting by tag",
        f"Half of the carriers of 200 tags with twenty or more hidden, precision@10 of sorting articles by tag; 64 "
        f"components; mean and standard error of {SEEDS} draws.\n\n{markdown(mean_and_error(pd.DataFrame(found)))}",
    )


# Similar items.


def similar() -> None:
    data, tables, memory = gowalla(), [], []
    for K in (64, 128):
        model = WRMFRecommender(K, alpha=20, regularization=10, n_jobs=THREADS, random_state=0).fit(data.train)
        with threadpool_limits(1, "blas"):
            peer = AlternatingLeastSquares(factors=K, num_threads=THREADS)
        peer.user_factors, peer.item_factors = model.user_factors_, model.item_factors_
        all_items = np.arange(len(model.items_))

        def peer_neighbours(peer: Any = peer, all_items: np.ndarray = all_items) -> Any:
            with threadpool_limits(1, "blas"):  # as implicit recommends; with BLAS threads it takes 1.5 times as long
                return peer.similar_items(all_items, N=11)

        model.similar_items(model.items_[:2]), model.similar_items(k=10)  # compiles the kernels
        check_neighbours(model.similar_items(k=10), peer_neighbours()[1])
        runs = {
            "similar_items()": lambda m=model: timed(lambda: m.similar_items(k=10)),
            "implicit similar_items": lambda: timed(peer_neighbours),
        }
        table = compare_seconds(alternate(runs, 5), [("similar_items()", "implicit similar_items")])
        table.insert(2, "components", K)
        tables.append(table)
        with PeakMemory() as peak:
            model.similar_items(k=10)
        memory.append(f"{peak.peak - peak.before:.0f} MiB")
    publish(
        "similar items",
        f"{machine('implicit')}\n\n{data.name}, the ten most similar to each of {len(all_items):,} items, {THREADS} "
        f"threads, 5 rounds. Peak memory of our call above that of data and models: {' and '.join(memory)}; the "
        f"cosines of all pairs would be {len(all_items) ** 2 * 4 / 2**20:,.0f} MiB.\n\n{markdown(pd.concat(tables))}",
    )


def check_neighbours(table: pd.DataFrame, cosines: np.ndarray) -> None:
    """Compare cosines to those of implicit, where the first neighbour of an item is the item itself."""
    np.testing.assert_allclose(table["score"].to_numpy().reshape(-1, 10), cosines[:, 1:], atol=1e-4)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # raised by the other libraries
    run_parts(__doc__, {"suggest": suggest, "sort": sort, "similar": similar})
