import sys
from itertools import product

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.evaluation import ndcg_at_k
from scipy.sparse import coo_matrix, csr_matrix

likes = pd.read_csv(sys.argv[1]).drop_duplicates()
while True:
    few_users = likes.groupby("user")["item"].transform("size") < 5
    few_items = likes.groupby("item")["user"].transform("size") < 5
    if not (few_users | few_items).any():
        break
    likes = likes[~(few_users | few_items)]
users, user_ids = pd.factorize(likes["user"], sort=True)
items, item_ids = pd.factorize(likes["item"], sort=True)
shape = len(user_ids), len(item_ids)
everything = coo_matrix((np.ones(len(likes), dtype=np.float32), (users, items)), shape=shape).tocsr()


def hold_out(matrix, seed):
    rng = np.random.default_rng(seed)
    train, test = matrix.tolil(), csr_matrix(matrix.shape, dtype=matrix.dtype).tolil()
    eligible = np.flatnonzero(np.diff(matrix.indptr) >= 10)
    for user in rng.choice(eligible, min(len(eligible), shape[0] // 5), replace=False):
        for item in rng.choice(matrix[user].indices, 5, replace=False):
            train[user, item] = 0
            test[user, item] = 1
    return train.tocsr(), test.tocsr()


def fitted(matrix, factors, iterations):
    model = AlternatingLeastSquares(factors=factors, iterations=iterations, alpha=10.0, random_state=0, num_threads=2)
    model.fit(matrix, show_progress=False)
    return model


train, test = hold_out(everything, 0)
inner, validation = hold_out(train, 1)
scores = {}
for setting in product([32, 64], [10, 20]):
    model = fitted(inner, *setting)
    scores[setting] = ndcg_at_k(model, inner, validation, K=10, show_progress=False, num_threads=2)
best = max(scores, key=scores.get)
model = fitted(train, *best)
print(best, ndcg_at_k(model, train, test, K=10, show_progress=False, num_threads=2))
model = fitted(everything, *best)
found, values = model.recommend(np.arange(shape[0]), everything, N=10)
table = pd.DataFrame({"user": np.repeat(user_ids, 10), "rank": np.tile(np.arange(1, 11), shape[0])})
table["item"] = item_ids[found.ravel()]
table["score"] = values.ravel()
table.to_csv(sys.argv[2], index=False)
