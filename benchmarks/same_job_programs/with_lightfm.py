import sys
from itertools import product

import numpy as np
import pandas as pd
from lightfm import LightFM
from lightfm.data import Dataset
from scipy.sparse import csr_matrix

likes = pd.read_csv(sys.argv[1]).drop_duplicates()
while True:
    few_users = likes.groupby("user")["item"].transform("size") < 5
    few_items = likes.groupby("item")["user"].transform("size") < 5
    if not (few_users | few_items).any():
        break
    likes = likes[~(few_users | few_items)]
data = Dataset()
data.fit(likes["user"], likes["item"])
everything = data.build_interactions(zip(likes["user"], likes["item"], strict=True))[0].tocsr()
user_ids, item_ids = (np.array(list(data.mapping()[side])) for side in (0, 2))
shape = everything.shape


def hold_out(matrix, seed):
    rng = np.random.default_rng(seed)
    train, test = matrix.tolil(), csr_matrix(shape, dtype=matrix.dtype).tolil()
    eligible = np.flatnonzero(np.diff(matrix.indptr) >= 10)
    for user in rng.choice(eligible, min(len(eligible), shape[0] // 5), replace=False):
        for item in rng.choice(matrix[user].indices, 5, replace=False):
            train[user, item] = 0
            test[user, item] = 1
    return train.tocsr(), test.tocsr()


def fitted(matrix, components, epochs):
    return LightFM(components, loss="warp", random_state=0).fit(matrix, epochs=epochs, num_threads=2)


def top(model, users, seen):
    item_biases, item_vectors = model.get_item_representations()
    scores = model.get_user_representations()[1][users] @ item_vectors.T + item_biases
    scores[seen[users].nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :10]
    return best, np.take_along_axis(scores, best, axis=1)


def ndcg(model, seen, test):
    users = np.flatnonzero(np.diff(test.indptr))
    hits = np.take_along_axis(test[users].toarray(), top(model, users, seen)[0], axis=1)
    discounts = 1 / np.log2(np.arange(2, 12))
    return (hits @ discounts / discounts[:5].sum()).mean()


train, test = hold_out(everything, 0)
inner, validation = hold_out(train, 1)
scores = {setting: ndcg(fitted(inner, *setting), inner, validation) for setting in product([32, 64], [10, 20])}
best = max(scores, key=scores.get)
print(best, ndcg(fitted(train, *best), train, test))
found, values = top(fitted(everything, *best), np.arange(shape[0]), everything)
table = pd.DataFrame({"user": np.repeat(user_ids, 10), "rank": np.tile(np.arange(1, 11), shape[0])})
table["item"] = item_ids[found.ravel()]
table["score"] = values.ravel()
table.to_csv(sys.argv[2], index=False)
