"""
Serving a saved model
=====================

A fitted recommender is saved to a file, loaded as a server would load it, and asked for the lists of single users. An
index prepares the items once and answers such queries faster.
"""

# %%
# The file contains arrays and parameters, and no pickles. With ``mmap_mode="r"``, the arrays stay in the file and are
# read when they are used, so that several processes share them.

import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sklearn_recsketch import WRMFRecommender, load_model, save_model
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.serving import to_index

X, _ = make_interactions(2000, 20_000, mean_activity=40, random_state=0)
rec = WRMFRecommender(64, max_iter=5, random_state=0).fit(X)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "likes.zip"
save_model(rec, path)
begin = time.perf_counter()
server = load_model(path, mmap_mode="r")
print(f"{path.stat().st_size / 1e6:.1f} MB, loaded in {time.perf_counter() - begin:.3f} s")

# %%
# The loaded model recommends the same items with the same scores.

users = rec.users_[:300]
assert server.recommend(users, k=10).equals(rec.recommend(users, k=10))

# %%
# A list of ten items for one user at a time, by the recommender and by two kinds of index. The recommender and the
# exact index return exactly the best items. The graph needs the extra "index", may miss some of them, and pays off with
# many more items than here.

indexes = {"recommend": server, 'to_index(rec, "exact")': to_index(server, "exact")}
if find_spec("usearch"):  # pip install "sklearn-recsketch[index]"
    indexes["to_index(rec), a graph"] = to_index(server)
figure, ax = plt.subplots(figsize=(8, 4.4), layout="constrained")
bins = np.geomspace(0.1, 30, 80)
for (name, index), color in zip(indexes.items(), ("#5d6b7a", "#0072B2", "#D55E00"), strict=False):
    index.recommend(users[0], k=10)
    milliseconds = []
    for user in users:
        begin = time.perf_counter()
        index.recommend(user, k=10)
        milliseconds.append(1000 * (time.perf_counter() - begin))
    ax.hist(milliseconds, bins=bins, color=color, alpha=0.7, label=f"{name}: median {np.median(milliseconds):.2f} ms")
ax.set(
    xscale="log", xlabel="milliseconds per list", ylabel="users", title=f"Lists of ten among {len(rec.items_):,} items"
)
figure.legend(loc="outside lower center")
folder.cleanup()
plt.show()
