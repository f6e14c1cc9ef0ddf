"""Cost and benefit of tags in WRMF and WARP, for warm items, cold items and items with few interactions.

    python benchmarks/side_features.py [--only {cost,growth,warm,few,cold-WRMF,cold-WARP,cold-peers}]

The data set is citeulike-a. For warm items, a fifth of the interactions is held out at random. For cold items, all
interactions of 3,000 items are held out, and only these items are ranked; models are tuned by a search with another
cold split of the remaining rows. The same code evaluates all models. Requires the extra [bench].
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import contestants
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import Trained, alternate, citeulike, citeulike_tags, compare_seconds, markdown, publish, run_parts
from sklearn.base import clone
from skopt import BayesSearchCV
from skopt.space import Categorical, Integer, Real

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import ColdItemSplit, UserHoldoutSplit

THREADS, SEEDS = 2, 5
ON_FIVE = SideFeatureEncoder(min_count=5)  # tags of five or more articles, as for the other libraries
MODELS = {"WRMF": WRMFRecommender, "WARP": WARPRecommender}
WARM = make_ranking_scorer(["recall@20", "precision@5"])
COLD = make_ranking_scorer("recall@20", candidates="cold")


def model(name: str, K: int, seed: int = 0, **parameters: Any) -> Any:
    """WRMF or WARP with these parameters and otherwise defaults."""
    return MODELS[name](K, n_jobs=THREADS, random_state=seed, **parameters)


def warm_split(X: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    held_out = np.random.default_rng(seed).random(len(X)) < 0.2
    return X[~held_out], X[held_out]


def cold_split(X: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out all interactions of 3,000 random articles, selected by the number in their id."""
    chosen = np.random.default_rng(0).choice(16980, 3000, replace=False)
    held_out = X["item"].str[1:].astype(int).isin(chosen).to_numpy()
    return X[~held_out], X[held_out]


def shuffled(tags: SideFeatures, seed: int) -> SideFeatures:
    """Tags shuffled between articles."""
    order = np.random.default_rng(seed).permutation(len(tags.ids))
    return SideFeatures(tags.ids, tags.keys, tags.values, sp.csr_array(tags.matrix[order]))


def design(tags: SideFeatures, items: np.ndarray, encoder: SideFeatureEncoder) -> sp.csr_matrix:
    """Feature matrix of these items as our models use it, for other libraries."""
    aligned = tags.align(items, "item")
    return contestants.plain_csr(clone(encoder).fit(aligned).transform(aligned))


def mean_and_error(values: list[float]) -> str:
    array = np.asarray(values)
    return f"{array.mean():.4f} +- {array.std(ddof=1) / len(array) ** 0.5:.4f}"


# Time.


def cost() -> None:
    X, tags = citeulike(), citeulike_tags()
    text = []
    for K in (64, 128):
        shell = model("WRMF", K, max_iter=1, item_encoder=ON_FIVE).fit(X, item_features=tags)
        matrix = contestants.plain_csr(shell.interactions_)
        tags_only = design(tags, shell.items_, clone(ON_FIVE).set_params(identity=False))
        with_identity = design(tags, shell.items_, ON_FIVE)

        def ours(name: str, features: SideFeatures | None, n: int, K: int = K) -> float:
            timer = contestants.EpochTimes()
            # as in cmfrec and in LightFM
            same = {"alpha": 40, "regularization": 10} if name == "WRMF" else {"max_sampled": 10}
            fitted = model(name, K, max_iter=n, item_encoder=ON_FIVE, **same).set_callbacks(timer)
            fitted.fit(X, item_features=features)
            return float(np.median(timer.seconds))

        jobs = {
            "WRMF": lambda: ours("WRMF", None, 15),
            "WRMF, tags": lambda: ours("WRMF", tags, 15),
            "cmfrec, tags": lambda K=K, matrix=matrix, tags_only=tags_only: contestants.cmfrec_implicit(
                matrix, tags_only, K, THREADS, 5, lambda_=10.0, alpha=40.0, w_item=1.0
            ).seconds[0],
            "WARP": lambda: ours("WARP", None, 20),
            "WARP, tags": lambda: ours("WARP", tags, 20),
            "LightFM": lambda K=K, matrix=matrix: float(
                np.median(contestants.lightfm(matrix, K, THREADS, 10, "warp").seconds)
            ),
            "LightFM, tags": lambda K=K, matrix=matrix, with_identity=with_identity: float(
                np.median(contestants.lightfm(matrix, K, THREADS, 10, "warp", item_features=with_identity).seconds)
            ),
        }
        seconds = alternate(jobs, 5)
        pairs = [("WRMF", "WRMF, tags"), ("WRMF, tags", "cmfrec, tags"), ("WARP", "WARP, tags")]
        pairs += [("WARP, tags", "LightFM, tags"), ("WARP", "LightFM")]
        table = compare_seconds(seconds, pairs).rename(
            columns={"ours": "this", "peer": "that", "ours, s": "this, s", "peer, s": "that, s"}
        )
        text.append(f"{K} components:\n\n{markdown(table)}")
    publish(
        "cost of tags",
        f"Seconds per iteration or epoch on all of citeulike-a, {THREADS} threads, 5 rounds; WARP and LightFM sample "
        "at most 10 items per pair; tags on five articles or more, 7,386 of them, "
        f"{tags_only.nnz / tags_only.shape[0]:.1f} per article.\n\n" + "\n\n".join(text),
    )


def multiplied(tags: SideFeatures, times: int, rng: np.random.Generator) -> SideFeatures:
    """Multiply the number of tags: copies of the tags, each shuffled between articles."""
    blocks = [tags.matrix] + [tags.matrix[rng.permutation(len(tags.ids))] for _ in range(times - 1)]
    keys = np.concatenate([np.array([f"{key}{t}" for key in tags.keys], dtype=object) for t in range(times)])
    return SideFeatures(tags.ids, keys, np.tile(tags.values, times), sp.csr_array(sp.hstack(blocks)))


def growth() -> None:
    X, tags = citeulike(), citeulike_tags()
    Y, _, many = make_interactions(
        15_274, 25_655, mean_activity=36, n_tags=20_352, tags_per_item=10, return_features=True, random_state=0
    )
    rng = np.random.default_rng(0)
    trials = [("citeulike-a, no tags", X, None)]
    trials += [(f"citeulike-a, tags x {n}", X, multiplied(tags, n, rng)) for n in (1, 2, 4)]
    trials += [("Sketchfab's size, no tags", Y, None), (f"Sketchfab's size, {len(many.values):,} tags", Y, many)]
    jobs = {}
    for label, likes, features in trials:
        for name in MODELS:

            def run(name: str = name, likes: pd.DataFrame = likes, features: SideFeatures | None = features) -> float:
                timer = contestants.EpochTimes()
                model(name, 64, max_iter=10).set_callbacks(timer).fit(likes, item_features=features)
                return float(np.median(timer.seconds))

            jobs[f"{name}: {label}"] = run
    seconds = alternate(jobs, 3).median()
    rows = [
        {
            "data": label,
            "likes": f"{len(likes):,}",
            "values of tags": f"{0 if features is None else features.matrix.nnz:,}",
            "WRMF, s": f"{seconds[f'WRMF: {label}']:.4f}",
            "WARP, s": f"{seconds[f'WARP: {label}']:.4f}",
        }
        for label, likes, features in trials
    ]
    publish(
        "growth with tags",
        f"Seconds per iteration or epoch, 64 components, medians of 3 rounds, all tags.\n\n"
        f"{markdown(pd.DataFrame(rows))}",
    )


# Accuracy.


def compare(trials: dict[str, Any], splits: list[tuple[pd.DataFrame, pd.DataFrame]], K: int, name: str) -> list[dict]:
    """Means and standard errors over splits, and differences to the first trial, with a row per trial."""
    scores: dict[str, list[dict[str, float]]] = {label: [] for label in trials}
    for seed, (train, test) in enumerate(splits):
        for label, make in trials.items():
            recommender, features = make(seed)
            scores[label].append(WARM(recommender.fit(train, item_features=features), test))
    rows, first = [], next(iter(trials))
    for label, results in scores.items():
        row = {"model": name, "components": K, "": label}
        for metric in ("recall@20", "precision@5"):
            values = [result[metric] for result in results]
            row[metric] = mean_and_error(values)
            differences = [value - base[metric] for value, base in zip(values, scores[first], strict=True)]
            row[f"{metric}, difference"] = "" if label == first else mean_and_error(differences)
        rows.append(row)
    return rows


def tuned_encoder(name: str, X: pd.DataFrame, tags: SideFeatures) -> dict[str, Any]:
    """Best parameters of the encoder on a split of X, with default parameters of the recommender."""
    space = {
        "item_encoder__feature_weight": Real(0.3, 4, "log-uniform"),
        "item_encoder__min_count": Integer(1, 20),
        "item_encoder__norm": Categorical(["l1", "l2"]),
        "item_encoder__idf": Categorical([True, False]),
    }
    search = BayesSearchCV(
        model(name, 64), space, n_iter=24, cv=UserHoldoutSplit(random_state=1), random_state=0, refit=False,
        scoring=make_ranking_scorer("recall@20"), optimizer_kwargs={"n_initial_points": 10},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The objective has been evaluated")
        search.fit(X, item_features=tags)
    return dict(search.best_params_)


def warm() -> None:
    X, tags = citeulike(), citeulike_tags()
    splits = [warm_split(X, seed) for seed in range(SEEDS)]
    rows, best = [], []
    for K in (64, 128):
        for name in MODELS:
            trials = {
                "no tags": lambda seed, name=name, K=K: (model(name, K, seed), None),
                "tags": lambda seed, name=name, K=K: (model(name, K, seed), tags),
                "tags on five articles or more": lambda seed, name=name, K=K: (
                    model(name, K, seed, item_encoder=clone(ON_FIVE)),
                    tags,
                ),
                "tags of other articles": lambda seed, name=name, K=K: (model(name, K, seed), shuffled(tags, seed)),
            }
            if K == 64:
                found = tuned_encoder(name, splits[0][0], tags)
                best.append(f"{name}: {found}")
                trials["tags, encoder tuned"] = lambda seed, name=name, found=found: (
                    model(name, 64, seed).set_params(**found),
                    tags,
                )
            rows += compare(trials, splits, K, name)
    publish(
        "warm items",
        f"{SEEDS} seeds with separate splits. Parameters have their defaults unless specified. Differences are to the "
        f"model without tags, for the same seed.\n\n{markdown(pd.DataFrame(rows))}\n\nTuned on the training rows of "
        f"the first split, 24 trials: " + "; ".join(best) + ".",
    )


def few() -> None:
    X, tags = citeulike(), citeulike_tags()
    splits = []
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(X))
        kept = (X.iloc[order].groupby("item").cumcount() < 2).to_numpy()
        splits.append((X.iloc[order[kept]], X.iloc[order[~kept]]))
    rows = []
    for name in MODELS:
        trials = {
            "no tags": lambda seed, name=name: (model(name, 64, seed), None),
            "tags": lambda seed, name=name: (model(name, 64, seed), tags),
        }
        rows += compare(trials, splits, 64, name)
    publish(
        "few likes",
        f"Two interactions of each article are used for training, all others are held out; {SEEDS} seeds, default "
        f"parameters.\n\n{markdown(pd.DataFrame(rows))}",
    )


def content_profile(train: pd.DataFrame, tags: SideFeatures) -> Any:
    """Content-based model: cosine of an article's idf tags and the sum of those of the user's articles."""
    shell = model("WRMF", 1, max_iter=1).fit(train, item_features=tags)
    encoder = SideFeatureEncoder(identity=False, min_count=5, norm=None)
    vectors = design(tags, shell.items_, encoder)
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    unit = sp.diags(1 / np.maximum(lengths, 1e-12)) @ vectors
    profiles = shell.interactions_ @ vectors
    shell.item_factors_, shell.user_factors_ = (np.asarray(part.todense(), np.float32) for part in (unit, profiles))
    return shell


SPACES: dict[str, dict[str, Any]] = {
    "WRMF": {
        "alpha": Real(10, 200, "log-uniform"),
        "regularization": Real(3, 100, "log-uniform"),
        "max_iter": Integer(6, 15),
    },
    "WARP": {
        "regularization": Real(0.2, 0.8, "log-uniform"),
        "max_sampled": Integer(20, 120),
    },
}
OF_ENCODER = {"item_encoder__feature_weight": Real(0.5, 4, "log-uniform"), "item_encoder__min_count": Integer(1, 8)}
TRIALS = {"WRMF": {64: 20, 512: 8}, "WARP": {64: 16, 256: 12}}


def tuned_cold(name: str, K: int, n_iter: int, train: pd.DataFrame, tags: SideFeatures) -> BayesSearchCV:
    """Search with a cold split of the training rows, refitted on all of them."""
    search = BayesSearchCV(
        model(name, K), SPACES[name] | OF_ENCODER, n_iter=n_iter, scoring=COLD, random_state=0,
        cv=ColdItemSplit(test_size=0.18, random_state=1), optimizer_kwargs={"n_initial_points": n_iter // 2},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The objective has been evaluated")
        return search.fit(train, item_features=tags)


def peers_cold(train: pd.DataFrame, tags: SideFeatures) -> dict[str, Any]:
    """Fit LightFM with scaled tags, cmfrec with four settings, and the content-based model."""
    shell = model("WRMF", 1, max_iter=1).fit(train, item_features=tags)
    matrix = contestants.plain_csr(shell.interactions_)
    active = np.asarray(shell.interactions_.sum(axis=0)).ravel() > 0
    tags_only = design(tags, shell.items_, clone(ON_FIVE).set_params(identity=False))
    # Items without interactions would only add an untrained identity embedding.
    with_identity = contestants.plain_csr(sp.csr_array(sp.hstack([sp.diags(active.astype(np.float32)), tags_only])))

    def in_ours(recommender: Any, trained: Trained) -> Any:
        fitted = clone(recommender).set_params(n_components=1, max_iter=1).fit(train, item_features=tags)
        fitted.user_factors_ = np.ascontiguousarray(trained.users, dtype=np.float32)
        fitted.item_factors_ = np.ascontiguousarray(trained.items, dtype=np.float32)
        if trained.item_biases is not None:
            fitted.item_biases_ = np.asarray(trained.item_biases, dtype=np.float32)
        return fitted

    found = {
        f"LightFM, {K} components, {epochs} epochs": in_ours(
            WARPRecommender(), contestants.lightfm(matrix, K, THREADS, epochs, "warp", item_features=with_identity)
        )
        for K, epochs in ((64, 30), (256, 30))
    }
    for lam, w_item in ((1.0, 0.5), (5.0, 1.0), (5.0, 5.0), (10.0, 1.0)):
        trained = contestants.cmfrec_implicit(
            matrix, tags_only, 64, THREADS, 10, lambda_=lam, alpha=40.0, w_item=w_item, random_state=1
        )
        found[f"cmfrec, 64 components, lambda {lam:g}, w_item {w_item:g}"] = in_ours(WRMFRecommender(), trained)
    return found | {"content profile": content_profile(train, tags)}


def cold(name: str) -> None:
    X, tags = citeulike(), citeulike_tags()
    train, test = cold_split(X)
    plain = model(name, 64).fit(train, item_features=tags)
    rows = [{"model": f"{name}, 64 components, defaults", "recall@20": COLD(plain, test), "tuned": ""}]
    for K, n_iter in TRIALS[name].items():
        search = tuned_cold(name, K, n_iter, train, tags)
        chosen = {key: round(value, 6) for key, value in search.best_params_.items()}
        label = f"{name}, {K} components, {n_iter} trials"
        rows.append({"model": label, "recall@20": COLD(search, test), "tuned": str(chosen)})
        print(rows[-1], flush=True)
    publish_cold(f"cold items, {name}", rows)


def cold_peers() -> None:
    X, tags = citeulike(), citeulike_tags()
    train, test = cold_split(X)
    peers = peers_cold(train, tags)
    publish_cold(
        "cold items, peers", [{"model": label, "recall@20": COLD(peer, test)} for label, peer in peers.items()]
    )


def publish_cold(section: str, rows: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(rows)
    table["recall@20"] = table["recall@20"].map("{:.4f}".format)
    publish(section, markdown(table))


PARTS = {
    "cost": cost,
    "growth": growth,
    "warm": warm,
    "few": few,
    "cold-WRMF": partial(cold, "WRMF"),
    "cold-WARP": partial(cold, "WARP"),
    "cold-peers": cold_peers,
}


if __name__ == "__main__":
    run_parts(__doc__, PARTS)
