"""Requests that the example service refuses, and the sentences that say why."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")
from fastapi.testclient import TestClient
from recommendation_service.guard import MAX_BYTES
from recommendation_service.messages import MAX_CANDIDATES, MAX_HISTORY, MAX_K, RULES, ExplainRequest, RecommendRequest
from small_service import item_id, post, small_app, user_id

UNKNOWN = 999
JSON = {"Content-Type": "application/json"}
ID = "an integer of at most 18 digits or a string of 1 to 200 characters"
KNOWN = object()  # replaced by a known id
INVALID = {
    "nobody": ({}, 'Pass a user, such as {"user": 7}, or a history, such as {"history": [7, 8]}, got neither.'),
    "no items": ({"history": []}, "history must be a list of 1 to 1000 item ids, got a list of length 0."),
    "no list": ({"history": {}}, "history must be a list of 1 to 1000 item ids, got an object."),
    "k is 0": ({"user": KNOWN, "k": 0}, "k must be an integer from 1 to 100, got 0."),
    "large k": ({"user": KNOWN, "k": MAX_K + 1}, "k must be an integer from 1 to 100, got 101."),
    "k is text": ({"user": KNOWN, "k": "many"}, 'k must be an integer from 1 to 100, got "many".'),
    "long history": (
        {"history": [1] * (MAX_HISTORY + 1)},
        "history must be a list of 1 to 1000 item ids, got a list of length 1001.",
    ),
    "many candidates": (
        {"user": KNOWN, "candidates": [1] * (MAX_CANDIDATES + 1)},
        "candidates must be a list of at most 10000 item ids, got a list of length 10001.",
    ),
    "many excluded": (
        {"user": KNOWN, "exclude": [1] * (MAX_CANDIDATES + 1)},
        "exclude must be a list of at most 10000 item ids, got a list of length 10001.",
    ),
    "one strength": (
        {"history": [1, 2], "strengths": [1]},
        "Pass as many strengths as items in history, got 1 and 2.",
    ),
    "strengths alone": (
        {"user": KNOWN, "strengths": [1]},
        "Pass as many strengths as items in history, got 1 and 0.",
    ),
    "strength 0": (
        {"history": [1], "strengths": [0]},
        "strengths[0] must be a number above 0 and at most 1000000, got 0.",
    ),
    "misspelt": (
        {"usr": KNOWN},
        "The field 'usr' is unknown. The fields are user, history, strengths, k, candidates, exclude, exclude_seen.",
    ),
    "true": ({"user": True}, f"user must be {ID}, got true."),
    "fraction": ({"user": 1.5}, f"user must be {ID}, got 1.5."),
    "null": ({"history": [1, None]}, f"history[1] must be {ID}, got null."),
    "large id": ({"user": 2**63}, f"user must be {ID}, got 9223372036854775808."),
    "long id": ({"user": "u" * 1000}, f"user must be {ID}, got a string of 1000 characters."),
    "many errors": (
        {"user": KNOWN, "k": 0, "strengths": [1, 0, -1], "exclude": 3},
        "strengths[1] must be a number above 0 and at most 1000000, got 0. "
        "strengths[2] must be a number above 0 and at most 1000000, got -1. "
        "k must be an integer from 1 to 100, got 0. Other errors: 1.",
    ),
}


def detail(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


@pytest.mark.parametrize(("body", "sentence"), INVALID.values(), ids=INVALID.keys())
def test_invalid_request_is_refused_with_a_sentence(client, text_ids, body, sentence):
    known = user_id(3, text_ids)
    body = {key: known if value is KNOWN else value for key, value in body.items()}
    assert detail(post(client, "/api/recommend", **body), 422) == sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, f"item is missing. It must be {ID}."),
        ({"item": ""}, f'item must be {ID}, got "".'),
        ({"item": 3, "k": "x"}, 'k must be an integer from 1 to 100, got "x".'),
    ],
)
def test_invalid_query_is_refused_with_a_sentence(client, query, sentence):
    assert detail(client.get("/api/similar", params=query), 422) == sentence


def test_every_value_of_a_request_has_a_rule(client):
    """Without a rule, the answer would be a message of pydantic."""
    api = client.get("/openapi.json").json()
    names = {
        row["name"] for path in api["paths"].values() for call in path.values() for row in call.get("parameters", [])
    }
    fields = {**RecommendRequest.model_fields, **ExplainRequest.model_fields}
    lists = {f"{name}[]" for name, field in fields.items() if "list" in str(field.annotation)}
    assert names | fields.keys() | lists == RULES.keys()


def test_fields_of_a_request_to_explain_are_its_own(client):
    sentence = detail(post(client, "/api/explain", user=3, item=1, k=5), 422)
    assert sentence == "The field 'k' is unknown. The fields are user, history, strengths, item, by."


@pytest.mark.parametrize(
    ("headers", "got"),
    [
        ({}, "no Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, '"application/x-www-form-urlencoded"'),
    ],
    ids=["none", "that of curl -d"],
)
def test_body_without_the_header_of_json_is_refused(client, headers, got):
    answer = client.post("/api/recommend", content='{"user": 3}', headers=headers)
    assert detail(answer, 415) == f"Send the header Content-Type: application/json, got {got}."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1e300"])
def test_odd_numbers_are_refused(client, number):
    body = f'{{"history": [1], "strengths": [{number}]}}'
    assert "strengths[0] must be a number above 0" in detail(
        client.post("/api/recommend", content=body, headers=JSON), 422
    )


MALFORMED = {
    b"": (422, 'The body must be a JSON object, such as {"user": 7}, got nothing.'),
    b"[1]": (422, 'The body must be a JSON object, such as {"user": 7}, got a list of length 1.'),
    b'{"user": 3,}': (422, "The body is not valid JSON: .* at character 1[12]."),  # the place depends on Python
    b'{"user": "\\ud800"}': (422, f'user must be {ID}, got "\\\\ud800".'),
    b'{"\\ud800": 3}': (422, r"The field '\\ud800' is unknown. .*"),
    b"\xff": (400, "There was an error parsing the body"),
    b"[" * 10_000: (400, "There was an error parsing the body"),
}


@pytest.mark.parametrize(("body", "refusal"), MALFORMED.items(), ids=range(len(MALFORMED)))
def test_malformed_bodies_are_refused(client, body, refusal):
    status, sentence = refusal
    assert re.fullmatch(sentence, detail(client.post("/api/recommend", content=body, headers=JSON), status))


def test_unknown_user_is_not_found(client, text_ids):
    unknown = user_id(UNKNOWN, text_ids)
    assert repr(unknown) in detail(post(client, "/api/recommend", user=unknown), 404)


@pytest.mark.parametrize("path", ["/api/similar", "/api/item", "/picture"])
def test_unknown_item_is_not_found(client, text_ids, path):
    assert "The item" in detail(client.get(path, params={"item": item_id(UNKNOWN, text_ids)}), 404)


def test_unknown_item_is_not_explained(client, text_ids):
    user = user_id(3, text_ids)
    assert "The item" in detail(post(client, "/api/explain", user=user, item=item_id(UNKNOWN, text_ids)), 404)


def test_unknown_feature_is_not_found_but_similar_names_are(client):
    sentence = detail(client.get("/api/feature", params={"name": "red"}), 404)
    assert sentence == "There is no item feature 'red'. Similar names: ['tag=red']."


def test_history_of_unknown_items_is_refused(client, text_ids):
    assert "does not know any item" in detail(post(client, "/api/recommend", history=[item_id(UNKNOWN, text_ids)]), 422)


def test_text_is_refused_where_ids_are_integers(tmp_path):
    with TestClient(small_app(tmp_path)) as client:
        for item in ("x", "1.0", "\N{FULLWIDTH DIGIT ONE}", "1_0", "9" * 30):
            assert "are integers" in detail(client.get("/api/similar", params={"item": item}), 422)


@pytest.mark.parametrize("field", ["history", "candidates", "exclude"])
def test_integer_is_refused_where_item_ids_are_text(tmp_path, field):
    with TestClient(small_app(tmp_path, text_ids=True)) as client:
        sentence = detail(
            post(client, "/api/recommend", **{"user": user_id(3, True), field: [item_id(1, True), 12]}), 422
        )
    assert sentence == 'The item ids of this model are strings, got the integer 12. Write it in quotes: "12".'


def test_integer_is_refused_where_user_ids_are_text(tmp_path):
    with TestClient(small_app(tmp_path, text_ids=True)) as client:
        sentence = detail(post(client, "/api/recommend", user=12), 422)
    assert sentence == 'The user ids of this model are strings, got the integer 12. Write it in quotes: "12".'


def test_large_body_is_refused_unread(client):
    assert "1000000 bytes" in detail(client.post("/api/recommend", content=b" " * (MAX_BYTES + 1)), 413)


def test_body_without_a_length_is_refused(client):
    assert "Content-Length" in detail(client.post("/api/recommend", content=iter([b"{}"])), 411)


def test_other_methods_are_refused(client):
    assert client.get("/api/recommend").status_code == 405


def test_files_outside_of_the_folder_are_not_served(client):
    assert client.get("/static/..%2fapp.py").status_code == 404


@pytest.mark.parametrize("path", ["/", "/health", "/static/page.js", "/picture?item=x", "/nothing"])
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
