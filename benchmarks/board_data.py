"""Data sets of the board, their splits, the evaluation of all models, and a cache of measurements."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import DATA, gowalla

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions
from sklearn_recsketch.metrics import ndcg_at_k, precision_at_k, recall_at_k
from sklearn_recsketch.preprocessing import threshold_interactions

# Files of interactions, and the meaning of their weights.
FILES = {
    "lastfm": "plays",
    "steam": "hours",
    "retailrocket": "strongest event",
    "citeulike-a": None,
    "amazon-beauty": None,
}
SETS = ["ml-100k", *FILES, "gowalla", "make_interactions"]
BLOCK = 20_000_000  # maximum number of scores in memory
METRICS = {"ndcg@20": (ndcg_at_k, 20), "recall@20": (recall_at_k, 20), "precision@5": (precision_at_k, 5)}


class Split(NamedTuple):
    """Training interactions with counts and tags, and test interactions."""

    name: str
    seed: int
    train: pd.DataFrame
    test: pd.DataFrame
    counts: np.ndarray | None = None
    tags: SideFeatures | None = None

    @property
    def users(self) -> np.ndarray:
        """Ids of the rows of the matrix."""
        return np.unique(self.train["user"])

    @property
    def items(self) -> np.ndarray:
        """Ids of the columns of the matrix: items without interactions in `train` are not candidates."""
        return np.unique(self.train["item"])

    def matrix(self) -> sp.csr_matrix:
        """Binary user-item matrix of the training rows, with int32 indices, which all libraries accept."""
        codes = np.searchsorted(self.users, self.train["user"]), np.searchsorted(self.items, self.train["item"])
        return sp.csr_matrix((np.ones(len(self.train), np.float32), codes), shape=(len(self.users), len(self.items)))

    def fingerprint(self) -> str:
        """Hash of the training and test rows."""
        hashes = (pd.util.hash_pandas_object(part, index=False).to_numpy() for part in (self.train, self.test))
        return hashlib.sha256(b"".join(map(bytes, hashes))).hexdigest()[:12]


def split(name: str, seed: int, movielens: str | None = None) -> Split:
    """Hold out a fifth of the rows at random, but not all rows of a user. Gowalla has a predefined split."""
    if name == "gowalla":
        return Split(name, seed, *gowalla(or_made_up=False)[1:])
    X, counts, tags = _load(name, movielens)
    held_out = sample_rows(X, 0.2, 1000 + seed)
    return Split(name, seed, X[~held_out], X[held_out], None if counts is None else counts[~held_out], tags)


def sample_rows(X: pd.DataFrame, fraction: float, seed: int) -> np.ndarray:
    """Mask of a random fraction of the rows, without users all of whose rows were sampled."""
    chosen = np.random.default_rng(seed).random(len(X)) < fraction
    left = pd.Series(~chosen).groupby(X["user"].to_numpy()).transform("sum").to_numpy()
    return chosen & (left > 0)


def _load(name: str, movielens: str | None) -> tuple[pd.DataFrame, np.ndarray | None, SideFeatures | None]:
    """Interactions after 5/5 thresholding, their counts if any, and the tags of the items if any."""
    if name == "make_interactions":
        X, y, tags = make_interactions(3000, 1500, counts=True, return_features=True, random_state=0)
        X = threshold_interactions(X.assign(weight=y))
        return X[["user", "item"]], X["weight"].to_numpy(), tags
    if name == "ml-100k":
        return threshold_interactions(_movielens(movielens)), None, None
    folder = DATA / name
    X = load_likes(folder / "likes.psv", weight=FILES[name] and "weight").data
    X = threshold_interactions(X.drop_duplicates(["user", "item"], ignore_index=True)).reset_index(drop=True)
    counts = X["weight"].to_numpy(float) if FILES[name] else None
    features = folder / "feats.psv"
    return X[["user", "item"]], counts, load_features(features) if features.exists() else None


def _movielens(path: str | None) -> pd.DataFrame:
    """Ratings of 4 and 5 in a file with the columns user, item and rating, with or without a header."""
    if path is None:
        raise ValueError("ml-100k is not in ../shared/data: pass the path of its file u.data as --movielens.")
    rows = pd.read_csv(path, sep="\t", header=None, usecols=range(3), dtype=str)
    rows = rows[rows[2].str.fullmatch(r"[\d.]+")].astype({0: int, 1: int, 2: float})
    return rows[rows[2] >= 4].set_axis(["user", "item", "rating"], axis=1)[["user", "item"]].reset_index(drop=True)


Scores = Callable[[np.ndarray], np.ndarray]  # from row indices of users to their scores of all items


def recommendations(scores: Scores, data: Split, k: int) -> pd.DataFrame:
    """Table of the k best unseen items of each user with test rows."""
    seen, users, items = data.matrix(), data.users, data.items
    test_users = np.searchsorted(users, np.unique(data.test["user"]))
    parts = []
    for rows in np.array_split(test_users, 1 + len(test_users) * len(items) // BLOCK):
        block = np.array(scores(rows), dtype=np.float32)
        block[seen[rows].nonzero()] = -np.inf
        best = np.argpartition(-block, k, axis=1)[:, :k]
        best.sort(axis=1)  # ties are broken by the order of items
        order = np.argsort(-np.take_along_axis(block, best, axis=1), axis=1, kind="stable")
        parts.append(np.take_along_axis(best, order, axis=1))
    ranks = np.tile(np.arange(1, k + 1), len(test_users))
    listed = items[np.concatenate(parts).ravel()]
    return pd.DataFrame({"user": np.repeat(users[test_users], k), "rank": ranks, "item": listed})


def evaluate(scores: Scores, data: Split) -> dict[str, float]:
    """Compute the metrics of the board."""
    table = recommendations(scores, data, 20)
    return {name: metric(data.test, table, k=k) for name, (metric, k) in METRICS.items()}


class Measurements:
    """Cache of measurements in a file with a JSON object per line, so that a run resumes after the previous one."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else Path(path)
        self._found: dict[tuple[Any, ...], dict[str, float]] = {}
        if self._path is not None and self._path.exists():
            for line in self._path.read_text().splitlines():
                entry = json.loads(line)
                self._found[tuple(entry["key"])] = entry["values"]

    def __call__(self, key: Iterable[Any], measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return the values of `key`, which are measured unless they are in the cache."""
        key = tuple(key)
        if key not in self._found:
            self._found[key] = values = measure()
            line = json.dumps({"key": key, "values": values})
            print(line, flush=True)
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write(line + "\n")
        return self._found[key]
