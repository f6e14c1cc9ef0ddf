"""Features whose ids are not those of the interactions: phantom users and items must not come of them."""

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
    return SideFeatures.from_dicts({id_: {"tag": f"t{place % 3}"} for place, id_ in enumerate(ids)})


@pytest.fixture(params=small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
def model(request):
    return clone(request.param)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_features_of_the_other_side_are_refused(model, side, method):
    own, other = SIDES[side]
    name = side[:4]
    match = (
        rf"None of the {len(own)} {name}s of X has features: {side} has '{min(other)}', the {name}s of X have "
        rf"'{min(own)}'\. {len(other)} of the {len(other)} ids of {side} are .*s of X: did you mean .*_features\?"
    )
    with pytest.raises(ValueError, match=match):
        getattr(model, method)(X, **{side: features(other)})
    assert not hasattr(model, "items_")


def test_features_under_other_ids_are_refused(model):
    with pytest.raises(
        ValueError, match=r"None of the 12 items .* has 'name 0', .* Key the features by the item ids of X"
    ):
        model.fit(X, item_features=features([f"name {i}" for i in range(12)]))


@pytest.mark.parametrize(("X", "ids"), [(X, range(20)), (NUMBERS, USERS)], ids=["texts", "integers"])
def test_the_kind_of_the_ids_is_told_before_the_other_side(model, X, ids):
    with pytest.raises(ValueError, match=r"Convert them to one type"):
        model.fit(X, item_features=features(ids))


def test_ids_of_the_other_side_and_of_another_kind_are_refused(model):
    mixed = X.assign(item=NUMBERS["item"])
    with pytest.raises(
        ValueError, match=r"20 of the 20 ids of item_features are users of X: did you mean user_features"
    ):
        model.fit(mixed, item_features=features(USERS))


@pytest.mark.parametrize("n_shared", [1, 3, 5])
def test_a_small_overlap_is_counted(model, n_shared):
    ids = [*ITEMS[:n_shared], *(f"x{i}" for i in range(12 - n_shared))]
    match = (
        rf"Only {n_shared} of the 12 items of X have features, and only {n_shared} of the 12 ids of item_features are "
        r"items of X: 'x\d' is not an item of X, and 'm\d+' has no features\. Key the features by the item ids of X\."
    )
    with pytest.warns(IdMismatchWarning, match=match):
        model.fit(X, item_features=features(ids))


def test_a_small_overlap_by_accident_asks_for_the_other_side(model):
    """Items 0 to 11 passed as features of users 0 to 99."""
    rows = [(u, (u + j) % 6) for u in range(100) for j in range(3)]
    with pytest.warns(IdMismatchWarning, match=r"6 of the 6 .* items of X, and only 3 .*Did you mean item_features"):
        model.fit(np.array([[u + 3, i] for u, i in rows]), user_features=features(range(6)))


def test_the_warning_points_to_the_call(model):
    with pytest.warns(IdMismatchWarning) as record:
        model.fit(X, item_features=features(["m1", *(f"x{i}" for i in range(20))]))
    assert record[0].filename == __file__


def test_one_table_for_both_sides_is_refused(model):
    with pytest.raises(
        ValueError, match=r"20 ids of item_features, such as 'u0', are users and not items of X: did you"
    ):
        model.fit(X, item_features=features([*ITEMS, *USERS]))


@pytest.mark.parametrize("side", SIDES)
def test_partial_fit_refuses_the_other_side_after_features_of_this_one(model, side):
    own, other = SIDES[side]
    model.fit(X, **{side: features(own)})
    with pytest.raises(ValueError, match=r"did you mean (user|item)_features\?"):
        model.partial_fit(X[:3], **{side: features(other)})
    assert len(model.items_) == len(ITEMS)


LEGITIMATE = {
    "catalogue": lambda: (X, {"item_features": features([*ITEMS, *(f"c{i}" for i in range(1000))])}),
    "half_of_the_items": lambda: (X, {"item_features": features([*ITEMS[:6], *(f"c{i}" for i in range(100))])}),
    "few_users_answered": lambda: (X, {"user_features": features(USERS[:3])}),
    "both": lambda: (X, {"user_features": features(USERS), "item_features": features(ITEMS)}),
    "integers": lambda: (NUMBERS, {"user_features": features(range(20)), "item_features": features(range(12))}),
    "integer_catalogue": lambda: (NUMBERS, {"item_features": features(range(500))}),
    "one_row": lambda: (X[:1], {"item_features": features(ITEMS)}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", LEGITIMATE)
def test_usual_tables_are_taken_in_silence(model, case):
    rows, given = LEGITIMATE[case]()
    model.fit(rows, **given)
    model.partial_fit(rows[:1], **given)


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
def test_integers_of_the_other_side_are_told_by_their_number(model, side, ids, match):
    with pytest.warns(IdMismatchWarning, match=match + r".* Did you mean (user|item)_features\?"):
        model.fit(NUMBERS, **{side: features(ids)})


def test_nobody_is_told_that_a_known_id_is_unknown(model):
    with pytest.warns(IdMismatchWarning) as caught:
        model.fit(X, user_features=features(USERS[4:5]))
    assert str(caught[0].message) == (
        "Only 1 of the 20 users of X have features: 'u0' has no features. "
        "Add those of the others, or ignore this warning if there are none."
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("splitter", [ColdItemSplit(random_state=0), ColdUserSplit(random_state=0)])
def test_folds_of_as_many_users_as_items_are_fitted_in_silence(model, splitter):
    square = pd.DataFrame([(i, (i + j) % 20) for i in range(20) for j in range(4)], columns=["user", "item"])
    for train, _ in splitter.split(square):
        model.fit(square.iloc[train], item_features=features(range(20)), user_features=features(range(20)))


@pytest.mark.filterwarnings("error")
def test_features_of_new_ids_alone_come_later_in_silence(model):
    model.fit(X, item_features=features(ITEMS), user_features=features(USERS))
    model.partial_fit(X[:2], item_features=features(["new", "newer"]), user_features=features(["eve"]))
    assert {"new", "newer"} <= set(model.items_)


@pytest.mark.filterwarnings("error")
def test_a_day_of_items_without_features_is_taken_in_silence(model):
    model.fit(X, item_features=features(ITEMS[:8]))
    model.partial_fit(X[X["item"] == "m11"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("splitter", [ColdItemSplit(random_state=0), UserKFold(3, random_state=0)])
def test_folds_are_fitted_in_silence(model, splitter):
    for train, _ in splitter.split(X):
        model.fit(X.iloc[train], item_features=features(ITEMS), user_features=features(USERS))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("one", [True, False])
def test_a_query_refuses_features_of_the_other_side(side, one):
    other = SIDES[side][1]
    model = clone(WRMF).fit(X, user_features=features(USERS), item_features=features(ITEMS))
    asked = features(other[:1] if one else other)
    match = rf"ids of {side} \(first: '{asked.ids[0]}'\) are .*s the model was fitted on, and none .* did you mean"
    with pytest.raises(ValueError, match=match):
        model.recommend(USERS[0], **{side: asked})


@pytest.mark.filterwarnings("error")
def test_a_query_takes_features_of_ids_it_does_not_know():
    model = clone(WRMF).fit(X, user_features=features(USERS), item_features=features(ITEMS))
    table = model.recommend(user_features=features(["eve"]), item_features=features(["new", "m1"]), k=20)
    assert set(table["user"]) == {"eve"} and "new" in set(table["item"])


@pytest.mark.filterwarnings("error")
def test_a_query_takes_integers_that_both_sides_have():
    model = clone(WRMF).fit(NUMBERS, item_features=features(range(12)))
    assert 15 in set(model.recommend(0, k=20, item_features=features([15]))["item"])


def test_the_warning_can_be_silenced(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", IdMismatchWarning)
        model.fit(X, item_features=features(["m1", *(f"x{i}" for i in range(20))]))
