"""Errors and warnings for features keyed by other ids, which would add unknown users and items to the model."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, small
from sklearn.base import clone

from sklearn_recsketch import SideFeatures, WRMFRecommender
from sklearn_recsketch.exceptions import IdMismatchWarning
from sklearn_recsketch.model_selection import ColdItemSplit, ColdUserSplit, UserKFold

USERS = [f"u{i}" for i in range(20)]
ITEMS = [f"m{i}" for i in range(12)]
X = pd.DataFrame([(u, ITEMS[(i + j) % 12]) for i, u in enumerate(USERS) for j in range(4)], columns=["user", "item"])
NUMBERS = X.apply(lambda column: column.str[1:].astype(int))
WRMF = WRMFRecommender(2, max_iter=1, random_state=0)
SIDES = {"user_features": (USERS, ITEMS), "item_features": (ITEMS, USERS)}


def features(ids):
    return SideFeatures.from_dicts({id_: {"tag": f"t{row % 3}"} for row, id_ in enumerate(ids)})


@pytest.fixture(params=small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
def model(request):
    return clone(request.param)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_features_of_the_other_side_raise(model, side, method):
    own, other = SIDES[side]
    name = side[:4]
    match = (
        rf"None of the {len(own)} {name}s of X has features: {side} has '{min(other)}', the {name}s of X have "
        rf"'{min(own)}'\. {len(other)} of the {len(other)} ids of {side} are .*s of X: did you mean .*_features\?"
    )
    with pytest.raises(ValueError, match=match):
        getattr(model, method)(X, **{side: features(other)})
    assert not hasattr(model, "items_")


def test_features_under_other_ids_raise(model):
    with pytest.raises(
        ValueError, match=r"None of the 12 items .* has 'name 0', .* Key the features by the item ids of X"
    ):
        model.fit(X, item_features=features([f"name {i}" for i in range(12)]))


@pytest.mark.parametrize(("X", "ids"), [(X, range(20)), (NUMBERS, USERS)], ids=["texts", "integers"])
def test_ids_of_different_types_raise_before_ids_of_the_other_side(model, X, ids):
    with pytest.raises(ValueError, match=r"Convert them to one type"):
        model.fit(X, item_features=features(ids))


def test_ids_of_the_other_side_and_another_type_raise(model):
    mixed = X.assign(item=NUMBERS["item"])
    with pytest.raises(
        ValueError, match=r"20 of the 20 ids of item_features are users of X: did you mean user_features"
    ):
        model.fit(mixed, item_features=features(USERS))


@pytest.mark.parametrize("n_shared", [1, 3, 5])
def test_a_small_overlap_warns_with_its_size(model, n_shared):
    ids = [*ITEMS[:n_shared], *(f"x{i}" for i in range(12 - n_shared))]
    match = (
        rf"Only {n_shared} of the 12 items of X have features, and only {n_shared} of the 12 ids of item_features are "
        r"items of X: 'x\d' is not an item of X, and 'm\d+' has no features\. Key the features by the item ids of X\."
    )
    with pytest.warns(IdMismatchWarning, match=match):
        model.fit(X, item_features=features(ids))


def test_a_small_accidental_overlap_suggests_the_other_side(model):
    """Features of items 0 to 11 are passed as features of users 0 to 99."""
    rows = [(u, (u + j) % 6) for u in range(100) for j in range(3)]
    with pytest.warns(IdMismatchWarning, match=r"6 of the 6 .* items of X, and only 3 .*Did you mean item_features"):
        model.fit(np.array([[u + 3, i] for u, i in rows]), user_features=features(range(6)))


def test_the_warning_points_to_the_call(model):
    with pytest.warns(IdMismatchWarning) as record:
        model.fit(X, item_features=features(["m1", *(f"x{i}" for i in range(20))]))
    assert record[0].filename == __file__


def test_one_table_for_both_sides_raises(model):
    with pytest.raises(
        ValueError, match=r"20 ids of item_features, such as 'u0', are users and not items of X: did you"
    ):
        model.fit(X, item_features=features([*ITEMS, *USERS]))


@pytest.mark.parametrize("side", SIDES)
def test_partial_fit_raises_for_features_of_the_other_side(model, side):
    own, other = SIDES[side]
    model.fit(X, **{side: features(own)})
    with pytest.raises(ValueError, match=r"did you mean (user|item)_features\?"):
        model.partial_fit(X[:3], **{side: features(other)})
    assert len(model.items_) == len(ITEMS)


LEGITIMATE = {
    "catalogue": lambda: (X, {"item_features": features([*ITEMS, *(f"c{i}" for i in range(1000))])}),
    "half_of_the_items": lambda: (X, {"item_features": features([*ITEMS[:6], *(f"c{i}" for i in range(100))])}),
    "few_users": lambda: (X, {"user_features": features(USERS[:3])}),
    "both": lambda: (X, {"user_features": features(USERS), "item_features": features(ITEMS)}),
    "integers": lambda: (NUMBERS, {"user_features": features(range(20)), "item_features": features(range(12))}),
    "integer_catalogue": lambda: (NUMBERS, {"item_features": features(range(500))}),
    "one_row": lambda: (X[:1], {"item_features": features(ITEMS)}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", LEGITIMATE)
def test_usual_tables_do_not_warn(model, case):
    rows, options = LEGITIMATE[case]()
    model.fit(rows, **options)
    model.partial_fit(rows[:1], **options)


@pytest.mark.parametrize(
    ("side", "ids", "match"),
    [
        (
            "item_features",
            range(20),
            "20 of the 20 ids of item_features are users of X, and only 12 are items: 12 is not",
        ),
        (
            "user_features",
            range(12),
            "12 .* of user_features are items of X, and only 12 are users: 12 has no features",
        ),
    ],
)
def test_shared_integer_ids_of_the_other_side_warn_with_counts(model, side, ids, match):
    with pytest.warns(IdMismatchWarning, match=match + r".* Did you mean (user|item)_features\?"):
        model.fit(NUMBERS, **{side: features(ids)})


def test_the_warning_does_not_call_a_known_id_unknown(model):
    with pytest.warns(IdMismatchWarning) as caught:
        model.fit(X, user_features=features(USERS[4:5]))
    assert str(caught[0].message) == (
        "Only 1 of the 20 users of X have features: 'u0' has no features. "
        "Add the features of the others, or ignore this warning if they have none."
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("splitter", [ColdItemSplit(random_state=0), ColdUserSplit(random_state=0)])
def test_folds_with_as_many_users_as_items_do_not_warn(model, splitter):
    square = pd.DataFrame([(i, (i + j) % 20) for i in range(20) for j in range(4)], columns=["user", "item"])
    for train, _ in splitter.split(square):
        model.fit(square.iloc[train], item_features=features(range(20)), user_features=features(range(20)))


@pytest.mark.filterwarnings("error")
def test_later_features_of_new_ids_only_do_not_warn(model):
    model.fit(X, item_features=features(ITEMS), user_features=features(USERS))
    model.partial_fit(X[:2], item_features=features(["new", "newer"]), user_features=features(["eve"]))
    assert {"new", "newer"} <= set(model.items_)


@pytest.mark.filterwarnings("error")
def test_new_items_without_features_do_not_warn(model):
    model.fit(X, item_features=features(ITEMS[:8]))
    model.partial_fit(X[X["item"] == "m11"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("splitter", [ColdItemSplit(random_state=0), UserKFold(3, random_state=0)])
def test_folds_do_not_warn(model, splitter):
    for train, _ in splitter.split(X):
        model.fit(X.iloc[train], item_features=features(ITEMS), user_features=features(USERS))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("one", [True, False])
def test_a_query_with_features_of_the_other_side_raises(side, one):
    other = SIDES[side][1]
    model = clone(WRMF).fit(X, user_features=features(USERS), item_features=features(ITEMS))
    query = features(other[:1] if one else other)
    match = rf"ids of {side} \(first: '{query.ids[0]}'\) are .*s the model was fitted on, and none .* did you mean"
    with pytest.raises(ValueError, match=match):
        model.recommend(USERS[0], **{side: query})


@pytest.mark.filterwarnings("error")
def test_a_query_accepts_features_of_unknown_ids():
    model = clone(WRMF).fit(X, user_features=features(USERS), item_features=features(ITEMS))
    table = model.recommend(user_features=features(["eve"]), item_features=features(["new", "m1"]), k=20)
    assert set(table["user"]) == {"eve"} and "new" in set(table["item"])


@pytest.mark.filterwarnings("error")
def test_a_query_accepts_integer_ids_of_both_sides():
    model = clone(WRMF).fit(NUMBERS, item_features=features(range(12)))
    assert 15 in set(model.recommend(0, k=20, item_features=features([15]))["item"])


def test_the_warning_can_be_silenced(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", IdMismatchWarning)
        model.fit(X, item_features=features(["m1", *(f"x{i}" for i in range(20))]))
