"""The endpoints of the example service."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")
from fastapi.testclient import TestClient
from recommendation_service.catalogue import read_titles
from recommendation_service.ids import Ids
from recommendation_service.loaded_model import LoadedModel, Ranked
from recommendation_service.made_up import save_made_up_model
from recommendation_service.messages import MAX_K
from small_service import HOSTILE, HOSTILE_TAG, N_ITEMS, N_USERS, fit_small, item_id, post, small_app, user_id

from sklearn_recsketch.inspection import explain, rank_by_feature

ROOT = Path(__file__).parents[1]
UNKNOWN = 999


@pytest.fixture(scope="module")
def rec(text_ids):
    """The model that the service loads."""
    return fit_small(text_ids)


@pytest.fixture
def user(text_ids):
    return user_id(3, text_ids)


@pytest.fixture
def items(text_ids):
    return [item_id(n, text_ids) for n in range(N_ITEMS)]


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [row["item"] for row in answer.json()["items"]]


def history(rec, items, user="new"):
    user = user if rec.users_.dtype.kind not in "iu" else -1
    return np.array([[user, item] for item in items], dtype=object), user


# Recommendations.


def test_health_describes_the_model(client):
    state = client.get("/health").json()
    assert (state["users"], state["items"], state["last_error"]) == (N_USERS, N_ITEMS, None)
    assert len(state["model"]) == 12 and "T" in state["loaded_at"]


def test_known_user_gets_the_list_of_the_recommender(client, rec, user):
    table = rec.recommend(user, 5)
    answer = post(client, "/api/recommend", user=user, k=5)
    assert ids_of(answer) == table["item"].tolist()
    # JSON contains the float32 scores as floats, so they are equal.
    assert [row["score"] for row in answer.json()["items"]] == table["score"].tolist()


def test_new_user_gets_the_list_for_the_history(client, rec, items):
    table, new = history(rec, items[:3])
    assert (
        ids_of(post(client, "/api/recommend", history=items[:3])) == rec.recommend(new, history=table)["item"].tolist()
    )


def test_strengths_change_the_list(client, items):
    lists = [
        post(client, "/api/recommend", history=items[:2], strengths=strengths).json()["items"]
        for strengths in ([1, 1], [1, 50])
    ]
    assert lists[0] != lists[1]


def test_history_replaces_that_of_a_known_user(client, user, items):
    seen = post(client, "/api/recommend", user=user, history=items[:3], k=MAX_K)
    assert set(ids_of(seen)).isdisjoint(items[:3])


def test_unknown_items_of_a_history_are_reported(client, text_ids, items):
    unknown = item_id(UNKNOWN, text_ids)
    answer = post(client, "/api/recommend", history=[items[0], unknown], strengths=[2, 1]).json()
    assert answer["unknown_items"] == [unknown]
    assert answer["items"] == post(client, "/api/recommend", history=[items[0]], strengths=[2]).json()["items"]


def test_only_candidates_are_recommended_and_unknown_ones_are_reported(client, text_ids, user, items):
    unknown = item_id(UNKNOWN, text_ids)
    answer = post(client, "/api/recommend", user=user, candidates=[*items[:4], unknown], exclude_seen=False)
    assert set(ids_of(answer)) == set(items[:4])
    assert answer.json()["unknown_items"] == [unknown]


@pytest.mark.parametrize("candidates", [[], [UNKNOWN]])
def test_without_known_candidates_the_list_is_empty(client, text_ids, user, candidates):
    candidates = [item_id(n, text_ids) for n in candidates]
    answer = post(client, "/api/recommend", user=user, candidates=candidates)
    assert ids_of(answer) == []
    assert answer.json()["unknown_items"] == candidates


def test_excluded_items_are_left_out(client, user):
    best = ids_of(post(client, "/api/recommend", user=user, k=5))
    assert ids_of(post(client, "/api/recommend", user=user, k=3, exclude=best[:2])) == best[2:]


def test_parallel_requests_get_the_answers_of_single_requests(client, text_ids):
    users = [user_id(n, text_ids) for n in range(20)] * 3
    bodies = [{"user": user} for user in users] + [{"history": [item_id(n, text_ids)]} for n in range(N_ITEMS)]
    one_by_one = [ids_of(post(client, "/api/recommend", **body)) for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda body: ids_of(post(client, "/api/recommend", **body)), bodies)) == one_by_one


# Items.


def test_similar_items_are_those_of_the_recommender(client, rec, items):
    answer = client.get("/api/similar", params={"item": items[0], "k": 5})
    assert ids_of(answer) == rec.similar_items(items[0], 5)["similar_item"].tolist()


def test_items_of_a_feature_are_those_of_the_package(client, rec):
    answer = client.get("/api/feature", params={"name": "tag=red", "k": 5})
    assert ids_of(answer) == rank_by_feature(rec, "tag=red", 5)["item"].tolist()


def test_features_are_sorted_by_number_of_items(client):
    features = client.get("/api/features", params={"k": 2}).json()
    assert [row["n_items"] for row in features] == [10, 10]
    assert len(client.get("/api/features").json()) == 3


@pytest.mark.parametrize("by", [None, "features"])
def test_explanation_of_a_known_user_is_that_of_the_package(client, rec, user, items, by):
    rows = post(client, "/api/explain", user=user, item=items[1], by=by).json()["contributions"]
    table = explain(rec, user, items[1], by=by)
    assert [row["source"] for row in rows] == table["source"].tolist()
    shares = [np.nan if row["contribution"] is None else row["contribution"] for row in rows]
    np.testing.assert_array_equal(shares, table["contribution"])


def test_remainder_of_an_explanation_has_no_name(client, user, items):
    last = post(client, "/api/explain", user=user, item=items[1]).json()["contributions"][-1]
    assert (last["source"], last["name"], last["title"]) == ("remainder", None, None)


def test_scores_that_are_no_numbers_are_null(tmp_path):
    app = small_app(tmp_path)
    app.state.store.current.similar_items = lambda item, k: Ranked([1, 2], [np.nan, np.inf], [])
    with TestClient(app) as client:
        answer = client.get("/api/similar", params={"item": 0})
    assert [row["score"] for row in answer.json()["items"]] == [None, None]


def test_explanation_names_the_items_of_a_history(client, items):
    answer = post(client, "/api/explain", history=[items[0]], item=items[1])
    assert HOSTILE in [row["title"] for row in answer.json()["contributions"]]


def test_common_traits(client, rec, items):
    answer = client.get("/api/common", params={"item": items[0], "other": items[3]}).json()
    both = (rec.interactions_[:, [0, 3]].toarray() > 0).all(axis=1).sum()
    assert answer == {"n_users": both, "features": [f"tag={HOSTILE_TAG}"]}


def test_item_details(client, rec, items):
    answer = client.get("/api/item", params={"item": items[0]}).json()
    n_users = (rec.interactions_[:, [0]].toarray() > 0).sum()
    assert answer == {"item": items[0], "title": HOSTILE, "features": [f"tag={HOSTILE_TAG}"], "n_users": n_users}


@pytest.mark.parametrize(
    ("text", "found"),
    [("ship", {1, 2, 3, 4}), ("BIG ship", {3}), ("cafe", {1}), ("café", {1}), ("ship big", {3}), ("nothing", set())],
)
def test_search_finds_titles_with_all_words(client, items, text, found):
    assert set(ids_of(client.get("/api/search", params={"text": text}))) == {items[n] for n in found}


def test_search_lists_titles_that_start_with_the_text_first(client, items):
    assert ids_of(client.get("/api/search", params={"text": "ship", "k": 1})) == [items[2]]


def test_search_without_text_lists_the_most_popular_items(client, rec):
    counts = np.bincount(rec.interactions_.indices, minlength=N_ITEMS)
    found = ids_of(client.get("/api/search", params={"k": N_ITEMS}))
    assert counts[np.searchsorted(rec.items_, found)].tolist() == sorted(counts, reverse=True)


def test_item_without_a_title_is_called_by_its_id(client, items):
    assert client.get("/api/item", params={"item": items[20]}).json()["title"] == str(items[20])


def test_picture_is_a_placeholder_by_default(client, items):
    answer = client.get("/picture", params={"item": items[0]})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content.startswith(b"<svg")


@pytest.mark.parametrize(
    ("content", "media_type"), [(b"\xff\xd8 jpeg", "image/jpeg"), (b"<html>", "image/svg+xml"), (None, "image/svg+xml")]
)
def test_pictures_of_a_function(tmp_path, content, media_type):
    app = small_app(tmp_path)
    app.state.pictures = lambda item: content
    with TestClient(app) as client:
        assert client.get("/picture", params={"item": 0}).headers["content-type"] == media_type


# Parts.


@pytest.mark.parametrize("ids", [[3, 7], ["a", "visitor", "visitor'"], [-(2**63), 2**63 - 2], [-5, 2**63 - 1]])
def test_id_of_a_visitor_is_not_in_use(ids):
    visitor = Ids("user", np.array(ids)).unused()
    assert visitor not in ids
    assert np.array([visitor]).dtype.kind == np.array(ids).dtype.kind


def test_titles_that_are_not_an_object_are_refused(tmp_path):
    path = tmp_path / "titles.json"
    path.write_text(json.dumps(["a ship"]))
    with pytest.raises(ValueError, match="must contain a JSON object of titles"):
        read_titles(path)


@pytest.mark.parametrize("title", ["null", "NaN", "7"])
def test_title_that_is_no_string_is_named(tmp_path, title):
    path = tmp_path / "titles.json"
    path.write_text(f'{{"3": "A ship", "4": {title}}}')
    with pytest.raises(ValueError, match=f"the title of '4' is {title}"):
        read_titles(path)


def test_image_is_built_from_files_that_exist():
    text = (ROOT / "examples/recommendation_service/Dockerfile").read_text(encoding="utf-8")
    copied = [source for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for source in line.split()]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_made_up_model_has_titles_of_its_tags(tmp_path):
    model, titles = save_made_up_model(tmp_path, 100, 50)
    catalogue = LoadedModel.from_files(model, titles, None).catalogue
    assert len(set(catalogue.titles)) == len(catalogue.ids)
    words = [set(title.lower().split()) for title in catalogue.titles]
    tags = [{name.removeprefix("tag=") for name in catalogue.features(row)} for row in range(len(catalogue.ids))]
    assert all(mine & of_item or "sculpture" in mine for mine, of_item in zip(words, tags))
