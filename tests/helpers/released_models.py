"""Model files as released versions wrote them, with their recommendations.

Each version has a folder in tests/_persistence/released. To add the files of a new version, run in the root folder:

    PYTHONPATH=tests:tests/helpers python tests/helpers/released_models.py

This writes the folder of the installed version, and refuses to change a folder that exists. Later versions must load
all files, so never write the files of a released version again. Until a version is released, its folder may be deleted
and written again, for example after a change of the format. Add new recommenders and new kinds of attributes to
`released_models`. The folders of later versions will contain them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

import sklearn_recsketch
from sklearn_recsketch import (
    BPRRecommender,
    EASERecommender,
    InteractionThresholder,
    ItemKNNRecommender,
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
    save_model,
)

FOLDER = Path(__file__).parents[1] / "_persistence" / "released"


def interactions(strings=False):
    """Interactions of 12 users with 9 items."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"user": np.repeat(np.arange(12), 4), "item": rng.randint(9, size=48)})
    return X.map(lambda id_: f"ü{id_}") if strings else X


def released_models():
    """Fitted models, by the names of their files."""
    X, named, y = interactions(), interactions(strings=True), np.arange(48) % 5 + 1.0
    tags = SideFeatures.from_dicts({i: {"tag": ["a", "bü"][i % 2], "year": float(i)} for i in range(9)})
    lands = SideFeatures.from_dicts({u: {"land": ["x", "y", "z"][u % 3]} for u in range(12)})
    features = {"item_features": tags, "user_features": lands}
    small = {"max_iter": 2, "random_state": 0}
    encoder = SideFeatureEncoder(feature_weight=0.5)
    return {
        "wrmf": WRMFRecommender(2, **small).fit(X, y),
        "wrmf-features": WRMFRecommender(2, item_encoder=encoder, **small).fit(X, y, **features),
        "warp-strings": WARPRecommender(2, **small).fit(named, y),
        "warp-features": WARPRecommender(2, **small).fit(X, y, **features),
        "bpr": BPRRecommender(2, max_iter=2, random_state=np.random.RandomState(0)).fit(X, y),
        "ease": EASERecommender().fit(X, y),
        "item-knn": ItemKNNRecommender(3, weighting="bm25").fit(X),
        "popularity": PopularityRecommender().fit(X),
        "pipeline": Pipeline([("k_core", InteractionThresholder(2, 2)), ("rec", WRMFRecommender(2, **small))]).fit(
            named, y
        ),
        "unfitted": WRMFRecommender(2, alpha=40, user_regularization=np.float32(0.5)),
    }


def recommendations(model):
    """Recommendations of a fitted model or Pipeline, as lists."""
    rec = model[-1] if isinstance(model, Pipeline) else model
    return {name: column.tolist() for name, column in rec.recommend(k=3).items()} if hasattr(rec, "items_") else None


def write():
    """Write the files of the installed version."""
    folder = FOLDER / sklearn_recsketch.__version__
    folder.mkdir(parents=True)  # fails if the version has files
    for name, model in released_models().items():
        save_model(model, folder / f"{name}.zip")
        (folder / f"{name}.json").write_text(json.dumps(recommendations(model), ensure_ascii=True))


if __name__ == "__main__":
    write()
