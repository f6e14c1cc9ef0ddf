"""Invalid arguments raise errors with helpful messages."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_recsketch import (
    BPRRecommender,
    InteractionThresholder,
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.metrics import make_ranking_scorer, precision_at_k
from sklearn_recsketch.model_selection import ColdItemSplit, ColdUserSplit, UserHoldoutSplit, UserKFold
from sklearn_recsketch.preprocessing import interactions_from_matrix, threshold_interactions, to_matrix

GOOD = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 7]]


def table(**columns):
    """A frame with one column per keyword."""
    return pd.DataFrame(columns)


def popularity():
    return PopularityRecommender().fit(GOOD)


def on_integers():
    return PopularityRecommender().fit(np.array([[1, 7], [1, 9], [2, 9]]))


def wrmf(**parameters):
    return WRMFRecommender(**{"n_components": 2, "max_iter": 1, **parameters})


# Test id, call, exception and regular expression of its message.
CALLS = [
    (
        "frame_as_features",
        lambda: wrmf().fit(GOOD, item_features=table(item=[7, 9], tag=["a", "b"])),
        TypeError,
        r"item_features must be a SideFeatures, got DataFrame\. Write SideFeatures\.from_frame\(item_features\)",
    ),
    (
        "dict_as_features",
        lambda: wrmf().fit(GOOD, user_features={"ann": {"tag": "a"}}),
        TypeError,
        r"user_features must be a SideFeatures, got dict\. Write SideFeatures\.from_dicts\(user_features\)",
    ),
    (
        "features_of_other_ids",
        lambda: wrmf().fit(GOOD, item_features=SideFeatures.from_dicts({"7": {"tag": "a"}})),
        ValueError,
        r"The item ids of X are integers \(first: .*7.*\), but those of item_features are strings \(first: '7'\)",
    ),
    (
        "feature_is_none",
        lambda: SideFeatures.from_dicts({7: {"tag": None}}),
        TypeError,
        r"The value of 'tag' for id 7 is None of type NoneType: a feature must be a string, a number or a list of",
    ),
    (
        "feature_is_nan",
        lambda: SideFeatures.from_dicts({7: {"faces": np.nan}}),
        ValueError,
        r"The value of 'faces' for id 7 is nan, but numbers must be finite",
    ),
    (
        "feature_is_nested",
        lambda: SideFeatures.from_dicts({7: {"tag": {"a": 1}}}),
        TypeError,
        r"The value of 'tag' for id 7 is \{'a': 1\} of type dict: a feature must be",
    ),
    (
        "list_of_numbers",
        lambda: SideFeatures.from_dicts({7: {"tag": ["a", 1]}}),
        TypeError,
        r"The value of 'tag' for id 7 is a list with 1 of type int: a list must contain strings only",
    ),
    (
        "features_of_id_not_a_mapping",
        lambda: SideFeatures.from_dicts({7: ["a"]}),
        TypeError,
        r"The features of id 7 must be a mapping of key to value, got list",
    ),
    ("no_features", lambda: SideFeatures.from_dicts({}), ValueError, r"The features are empty: SideFeatures needs"),
    (
        "frame_to_from_dicts",
        lambda: SideFeatures.from_dicts(table(mid=["a"], tag=["x"])),
        TypeError,
        r"from_dicts expects a mapping of id to features, got DataFrame\. For a frame write SideFeatures\.from_frame",
    ),
    (
        "dict_to_from_long",
        lambda: SideFeatures.from_long({7: {"tag": "a"}}, id="mid"),
        TypeError,
        r"SideFeatures\.from_long expects a pandas, polars or pyarrow frame, got dict",
    ),
    (
        "from_long_column",
        lambda: SideFeatures.from_long(table(mid=["a"], type=["tag"], text=["x"]), id="mid"),
        ValueError,
        r"There is no column 'value' for the values; the columns are \['mid', 'type', 'text'\]\. Pass value=",
    ),
    (
        "from_long_missing_value",
        lambda: SideFeatures.from_long(table(mid=["a", "b"], type=["t", "t"], value=["x", None]), id="mid"),
        ValueError,
        r"The value in row 1 is missing\. Drop such rows",
    ),
    (
        "from_long_second_number",
        lambda: SideFeatures.from_long(table(mid=["a", "a"], type=["t", "t"], value=[1.0, 2.0]), id="mid"),
        ValueError,
        r"Row 1 has a second number for 't' of id 'a'\. Aggregate the numbers first",
    ),
    (
        "from_frame_duplicate",
        lambda: SideFeatures.from_frame(table(mid=["a", "b", "a"], tag=["x", "y", "z"])),
        ValueError,
        r"The id 'a' in row 2 is repeated: from_frame expects one row per id",
    ),
    (
        "from_frame_column",
        lambda: SideFeatures.from_frame(table(mid=["a"], tag=["x"]), id="item"),
        ValueError,
        r"There is no column 'item' for the ids; the columns are \['mid', 'tag'\]",
    ),
    (
        "encoder_gets_dict",
        lambda: SideFeatureEncoder().fit({7: {"tag": "a"}}),
        TypeError,
        r"features must be a SideFeatures, got dict",
    ),
    (
        "neither_features_nor_identity",
        lambda: wrmf(item_encoder=SideFeatureEncoder(identity=False)).fit(
            GOOD, item_features=SideFeatures.from_dicts({7: {"tag": "a"}})
        ),
        ValueError,
        r"1 items with interactions \(first: .*9.*\) have no features and, with identity=False, no embedding at all",
    ),
    (
        "minima_too_high",
        lambda: InteractionThresholder(3, 3).fit(GOOD),
        ValueError,
        r"No interaction is left with user_min=3 and item_min=3: among the 4 distinct pairs, .* Lower the minima",
    ),
    (
        "minima_and_ids",
        lambda: to_matrix(GOOD, users=["ann"], user_min=2),
        ValueError,
        "user_min and item_min select the rows and columns of the matrix, and so do users and items",
    ),
    (
        "function_minima_too_high",
        lambda: threshold_interactions(GOOD, user_min=9),
        ValueError,
        r"No interaction is left with user_min=9 and item_min=5",
    ),
    (
        "minimum_zero",
        lambda: InteractionThresholder(user_min=0).fit(GOOD),
        ValueError,
        r"The 'user_min' parameter of InteractionThresholder must be an int in the range \[1, inf\)\. Got 0",
    ),
    (
        "n_components",
        lambda: WRMFRecommender(n_components=0).fit(GOOD),
        ValueError,
        r"The 'n_components' parameter of WRMFRecommender must be an int in the range \[1, inf\)\. Got 0",
    ),
    ("alpha", lambda: wrmf(alpha=-1).fit(GOOD), ValueError, r"The 'alpha' parameter .* in the range \[0.* Got -1"),
    ("solver", lambda: wrmf(solver="lu").fit(GOOD), ValueError, r"The 'solver' parameter .* Got 'lu' instead"),
    ("max_iter", lambda: wrmf(max_iter=0).fit(GOOD), ValueError, r"The 'max_iter' parameter .* Got 0 instead"),
    (
        "learning_rate",
        lambda: BPRRecommender(learning_rate=0.0).fit(GOOD),
        ValueError,
        r"The 'learning_rate' parameter of BPRRecommender must be a float in the range \[1\.17.*e-38, .*Got 0\.0",
    ),
    *[
        (
            f"{name}_beyond_float32",
            lambda name=name: WARPRecommender(**{name: 1e300}).fit(GOOD),
            ValueError,
            rf"The '{name}' parameter of WARPRecommender must be a float in the range \[.*, 3\.40.*e\+38\]",
        )
        for name in ("learning_rate", "margin", "regularization", "item_regularization", "feature_regularization")
    ],
    (
        "encoder_type",
        lambda: wrmf(item_encoder="onehot").fit(GOOD),
        ValueError,
        r"The 'item_encoder' parameter .* must be an instance of .*SideFeatureEncoder.* Got 'onehot'",
    ),
    (
        "X_val_unused",
        lambda: wrmf().fit(GOOD, X_val=GOOD),
        ValueError,
        r"X_val was passed, but early_stopping=False: set early_stopping=True, or leave X_val and y_val out",
    ),
    (
        "y_val_alone",
        lambda: wrmf(early_stopping=True).fit(GOOD, y_val=np.ones(4)),
        ValueError,
        r"y_val was passed without X_val: pass both, or only X_val",
    ),
    ("k_zero", lambda: popularity().recommend(k=0), ValueError, r"k must be an int of at least 1, got 0"),
    ("k_float", lambda: popularity().score(GOOD, k=2.0), ValueError, r"k must be an int of at least 1, got 2\.0"),
    ("k_of_similar", lambda: wrmf().fit(GOOD).similar_items(7, k=0), ValueError, r"k must be an int of at least 1"),
    (
        "no_candidates",
        lambda: popularity().recommend(candidates=[]),
        ValueError,
        r"candidates is empty: give at least one item, or None for all known items",
    ),
    (
        "string_ids_on_int_model",
        lambda: on_integers().predict([["1", 7]]),
        ValueError,
        r"The user ids are strings \(first: '1'\), but the model was fitted on integers .*Convert them to one type",
    ),
    (
        "int_ids_on_string_model",
        lambda: popularity().recommend([1]),
        ValueError,
        r"The user ids are integers .*, but the model was fitted on strings \(first: 'ann'\)",
    ),
    (
        "string_exclusions_on_int_model",
        lambda: on_integers().recommend(exclude=["7"]),
        ValueError,
        r"ids are strings \(first: '7'\), but the model was fitted on integers",
    ),
    (
        "two_dimensional_users",
        lambda: on_integers().recommend(np.ones((2, 2), int)),
        ValueError,
        r"user ids must be a one-dimensional list, got an array of shape \(2, 2\)",
    ),
    (
        "metric_without_cutoff",
        lambda: make_ranking_scorer("precision"),
        ValueError,
        r"A metric must be a name and a cutoff like 'precision@5', with one of the names .* got 'precision'",
    ),
    ("unknown_metric", lambda: make_ranking_scorer(["ndcg@5", "f1@5"]), ValueError, r"A metric must .* got 'f1@5'"),
    ("metric_at_zero", lambda: make_ranking_scorer("ndcg@0"), ValueError, r"A metric must be .* got 'ndcg@0'"),
    (
        "metric_of_other_libraries",
        lambda: make_ranking_scorer("map@10"),
        ValueError,
        r"got 'map@10'\. The name of 'map' is 'average_precision' here\.",
    ),
    ("metric_in_capitals", lambda: make_ranking_scorer("NDCG@5"), ValueError, r"The name of 'NDCG' is 'ndcg' here\."),
    ("no_metric", lambda: make_ranking_scorer([]), ValueError, r"metrics is empty: name at least one"),
    (
        "unknown_candidates",
        lambda: make_ranking_scorer("ndcg@5", candidates="warm"),
        ValueError,
        r"candidates must be a list of item ids, .*'cold' or None, got 'warm' of type str\. .* candidates=\['warm'\]",
    ),
    (
        "no_cold_item",
        lambda: make_ranking_scorer("ndcg@5", candidates="cold")(popularity(), GOOD),
        ValueError,
        r"but all 2 items of the recommender have interactions\. Pass the features .* to fit as item_features",
    ),
    (
        "scorer_of_a_transformer",
        lambda: make_ranking_scorer("ndcg@5")(SideFeatureEncoder(), GOOD),
        TypeError,
        r"Expected a fitted recommender, .* got SideFeatureEncoder",
    ),
    (
        "shallow_table",
        lambda: precision_at_k(GOOD, popularity().recommend(k=1), k=5),
        ValueError,
        r"The largest rank in the table .* is 1, which is not enough for k=5\. .* recommend\(\.\.\., k=5\)",
    ),
    (
        "array_as_table",
        lambda: precision_at_k(GOOD, popularity().recommend(k=1).to_numpy(), k=1),
        TypeError,
        r"recommended must be a table returned by recommend\(\), .* got ndarray",
    ),
    (
        "table_without_rank",
        lambda: precision_at_k(GOOD, popularity().recommend(k=1).drop(columns="rank"), k=1),
        ValueError,
        r"recommended lacks the columns \['rank'\]; it has \['user', 'item', 'score'\]",
    ),
    (
        "nobody_eligible",
        lambda: next(UserHoldoutSplit().split(GOOD)),
        ValueError,
        r"None of the 3 users has the 10 distinct items needed to hold out 5; the maximum is 2",
    ),
    (
        "test_users_keep_nothing",
        lambda: next(UserHoldoutSplit(n_items=5, min_interactions=5).split(GOOD)),
        ValueError,
        r"min_interactions must be greater than n_items=5, so that .* at least one training item, got 5",
    ),
    (
        "user_fraction",
        lambda: next(UserHoldoutSplit(user_fraction=0.0).split(GOOD)),
        ValueError,
        r"The 'user_fraction' parameter of UserHoldoutSplit must be a float in the range \(0.*1.* Got 0\.0",
    ),
    ("no_second_item", lambda: next(UserKFold().split([["a", 1]])), ValueError, r"No user has two distinct items"),
    (
        "nothing_left_to_train",
        lambda: next(ColdItemSplit().split([["ann", 7], ["bob", 7]])),
        ValueError,
        r"ColdItemSplit\(test_size=0\.2\) would hold out 1 of the 1 items .* Lower test_size",
    ),
    (
        "test_size",
        lambda: next(ColdUserSplit(test_size=1.0).split(GOOD)),
        ValueError,
        r"The 'test_size' parameter of ColdUserSplit must be a float in the range \(0.*1.*\)\. Got 1\.0",
    ),
    (
        "unknown_row_id",
        lambda: to_matrix(GOOD, users=["ann", "bob"]),
        ValueError,
        r"The user id 'eve' in row 3 is not among the 2 ids in users\. Add it, or drop the row",
    ),
    (
        "transposed_matrix",
        lambda: interactions_from_matrix(np.ones((2, 3)), users=["a", "b", "c"]),
        ValueError,
        r"users has 3 ids for 2 rows of the matrix\. The transpose would match: rows must be users",
    ),
    (
        "repeated_matrix_ids",
        lambda: interactions_from_matrix(np.ones((2, 3)), users=["a", "a"]),
        ValueError,
        r"The user ids of a matrix must be distinct",
    ),
    (
        "unfitted_recommend",
        lambda: wrmf().recommend(),
        NotFittedError,
        r"This WRMFRecommender instance is not fitted",
    ),
    ("unfitted_predict", lambda: PopularityRecommender().predict(GOOD), NotFittedError, r"not fitted yet"),
    ("unfitted_transform", lambda: InteractionThresholder().transform(GOOD), NotFittedError, r"not fitted yet"),
]


@pytest.mark.parametrize(("call", "error", "text"), [pytest.param(*row[1:], id=row[0]) for row in CALLS])
def test_invalid_calls_raise(call, error, text):
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        call()
