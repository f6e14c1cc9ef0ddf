"""A small model with titles and tags, saved to files, and a service that answers from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from recommendation_service.app import create_app
from recommendation_service.loaded_model import LoadedModel
from recommendation_service.model_store import ModelStore

from sklearn_recsketch import SideFeatures, WRMFRecommender, save_model
from sklearn_recsketch.datasets import make_interactions

HOSTILE = "<script>alert(1)</script>"
HOSTILE_TAG = "<img src=x onerror='document.title=1'>"
TITLES = [HOSTILE, "Café of ships", "Ship", "Big ship", "Steamship"]  # of the first items
N_USERS, N_ITEMS = 60, 30


def user_id(n: int, text_ids: bool):
    return f"u/{n}" if text_ids else n


def item_id(n: int, text_ids: bool):
    return f"m&{n:02}" if text_ids else n


def fit_small(text_ids: bool = False, seed: int = 0) -> WRMFRecommender:
    """Fit a model with three tags. Item n has the tag n % 3, and the first tag contains HTML."""
    X, y = make_interactions(N_USERS, N_ITEMS, n_tags=0, mean_activity=8, random_state=0)
    if text_ids:
        X = X.assign(user=[user_id(n, True) for n in X["user"]], item=[item_id(n, True) for n in X["item"]])
    tags = [HOSTILE_TAG, "red", "blue"]
    features = {item_id(n, text_ids): {"tag": tags[n % 3]} for n in range(N_ITEMS)}
    return WRMFRecommender(4, random_state=seed).fit(X, y, item_features=SideFeatures.from_dicts(features))


def write_files(folder: Path, recommender: WRMFRecommender) -> tuple[Path, Path]:
    """Save the model, and titles of its first items. Return the paths of both files."""
    model, titles = folder / "model.zip", folder / "titles.json"
    items = recommender.items_.tolist()
    titles.write_text(json.dumps(dict(zip(items, TITLES))), encoding="utf-8")
    save_model(recommender, model)
    return model, titles


def open_store(model: Path, titles: Path | None, seconds: float = 0.02) -> ModelStore:
    return ModelStore(model, lambda: LoadedModel.from_files(model, titles, None), seconds)


def post(client, path: str, **body):
    """Send a JSON object to a service."""
    return client.post(path, json=body)


def small_app(folder: Path, text_ids: bool = False):
    """Create a service of a small model in a folder."""
    return create_app(open_store(*write_files(folder, fit_small(text_ids))))
