"""The encoder of side features, alone and inside recommenders and searches."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import PopularityRecommender, SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.model_selection import UserHoldoutSplit, UserKFold

DICTS = {
    "m2": {"tag": ["VR", "art"], "licence": "CC", "faces": 120.0},
    "m1": {"tag": ["art"], "faces": 0.5},
    "m3": {"licence": "none"},
}
TEXTS = {id_: {key: value for key, value in row.items() if key != "faces"} for id_, row in DICTS.items()}


def plain(**parameters):
    return SideFeatureEncoder(**{"idf": False, "norm": None, "standardize": False, **parameters})


@pytest.mark.parametrize("separator", ["=", ": "])
def test_encoder_equals_DictVectorizer_next_to_an_identity_matrix(separator):
    encoder = plain(separator=separator)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(DICTS))
    vectorizer = DictVectorizer(separator=separator, sparse=False)
    block = vectorizer.fit_transform([DICTS[id_] for id_ in sorted(DICTS)])
    np.testing.assert_array_equal(encoded.toarray(), np.hstack([np.eye(3), block]))
    identity = [f"id{separator}{id_}" for id_ in sorted(DICTS)]
    assert encoder.get_feature_names_out().tolist() == identity + vectorizer.get_feature_names_out().tolist()


def test_without_identity_only_features_are_encoded():
    encoder = plain(identity=False)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(DICTS))
    assert encoded.shape == (3, 5)
    assert encoder.get_feature_names_out().tolist() == encoder.feature_names_.tolist()


@pytest.mark.parametrize(
    ("min_count", "names"),
    [(1, ["faces", "licence=CC", "licence=none", "tag=VR", "tag=art"]), (2, ["faces", "tag=art"]), (3, [])],
)
def test_min_count_counts_ids(min_count, names):
    encoder = plain(min_count=min_count).fit(SideFeatures.from_dicts(DICTS))
    assert encoder.feature_names_.tolist() == names
    assert encoder.transform(SideFeatures.from_dicts(DICTS)).shape == (3, 3 + len(names))


def test_columns_are_the_positions_of_the_encoded_features():
    features = SideFeatures.from_dicts(DICTS)
    encoder = plain(min_count=2).fit(features)
    assert 0 < len(encoder.columns_) < len(features.keys)
    np.testing.assert_array_equal(features.feature_names()[encoder.columns_], encoder.feature_names_)


def test_idf_equals_that_of_TfidfTransformer():
    features = SideFeatures.from_dicts(TEXTS)
    encoded = SideFeatureEncoder(identity=False, norm="l2").fit_transform(features)
    expected = TfidfTransformer(norm="l2").fit_transform(features.matrix).toarray()
    np.testing.assert_allclose(encoded.toarray(), expected, rtol=1e-6)  # float32 compared with float64


def test_idf_does_not_change_measurements():
    encoder = SideFeatureEncoder(norm=None).fit(SideFeatures.from_dicts(DICTS))
    assert encoder.idf_[encoder.feature_names_.tolist().index("faces")] == 1


@pytest.mark.parametrize(("norm", "length"), [("l1", 1), ("l2", 2)])
@pytest.mark.parametrize(("features", "standardize"), [(TEXTS, True), (DICTS, False)], ids=["texts", "all"])
def test_norm_is_the_length_of_the_feature_block(norm, length, features, standardize):
    encoder = SideFeatureEncoder(identity=False, norm=norm, standardize=standardize)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(features)).toarray()
    np.testing.assert_allclose(np.linalg.norm(encoded, length, axis=1), 1, rtol=1e-6)


def test_weights_scale_their_blocks():
    features = SideFeatures.from_dicts(DICTS)
    base = SideFeatureEncoder().fit_transform(features).toarray()
    scaled = SideFeatureEncoder(feature_weight=0.25, identity_weight=2).fit_transform(features).toarray()
    np.testing.assert_array_equal(scaled[:, :3], 2 * base[:, :3])
    np.testing.assert_array_equal(scaled[:, 3:], 0.25 * base[:, 3:])


def test_feature_weight_zero_stores_no_feature():
    assert SideFeatureEncoder(feature_weight=0).fit_transform(SideFeatures.from_dicts(DICTS)).nnz == 3


def test_max_interactions_keeps_features_of_rare_ids_only():
    encoded = plain(max_interactions=4).fit_transform(
        SideFeatures.from_dicts(DICTS), n_interactions=np.array([5, 4, 0])
    )
    np.testing.assert_array_equal(np.diff(encoded.indptr), [1, 1 + 4, 1 + 1])


def test_transform_of_new_ids_and_features():
    encoder = plain().fit(SideFeatures.from_dicts({"m1": {"tag": "a"}, "m2": {"tag": "b"}}))
    encoded = encoder.transform(SideFeatures.from_dicts({"m2": {"tag": ["a", "new"]}, "m9": {"tag": "b"}}))
    np.testing.assert_array_equal(encoded.toarray(), [[0, 1, 1, 0], [0, 0, 0, 1]])


def test_ids_without_features_are_encoded_by_identity():
    features = SideFeatures.from_dicts({"m1": {}, "m2": {}})
    np.testing.assert_array_equal(SideFeatureEncoder().fit_transform(features).toarray(), np.eye(2))


@pytest.mark.parametrize("raw", [DICTS, list(DICTS.values()), np.eye(3), pd.DataFrame([[1]]), None], ids=type)
@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
def test_fit_and_transform_reject_the_same_containers(method, raw):
    encoder = SideFeatureEncoder().fit(SideFeatures.from_dicts(DICTS))
    with pytest.raises(TypeError, match="features must be a SideFeatures, got"):
        getattr(encoder, method)(raw)


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_fit_and_transform_reject_two_features_of_the_same_name(method):
    ambiguous = SideFeatures.from_dicts({"m1": {"a": "b=c", "a=b": "c"}})
    encoder = SideFeatureEncoder().fit(SideFeatures.from_dicts({"m1": {"a": "b=c"}}))
    with pytest.raises(ValueError, match="Two columns are both named 'a=b=c' with separator='='"):
        getattr(encoder, method)(ambiguous)


def test_a_key_named_like_an_identity_column_raises():
    with pytest.raises(ValueError, match="Two columns are both named 'id=7'"):
        SideFeatureEncoder().fit(SideFeatures.from_dicts({7: {"id": "7"}}))


def test_encoder_output_is_sparse_if_frames_are_configured():
    features = SideFeatures.from_dicts(DICTS)
    with config_context(transform_output="pandas"):
        assert sp.issparse(SideFeatureEncoder().fit_transform(features))


def test_encoder_clones_with_its_parameters():
    encoder = SideFeatureEncoder(min_count=3, norm="l1", feature_weight=0.5)
    assert clone(encoder).get_params() == encoder.get_params()
    assert encoder.set_params(min_count=4).min_count == 4


# Inside recommenders and searches.


@pytest.mark.parametrize("side", ["user", "item"])
def test_nested_parameter_creates_the_default_encoder(side):
    rec = WRMFRecommender().set_params(**{f"{side}_encoder__min_count": 5})
    encoder = getattr(rec, f"{side}_encoder")
    assert encoder.get_params() == SideFeatureEncoder(min_count=5).get_params()


def test_nested_parameter_applies_to_the_encoder_set_with_it():
    rec = WRMFRecommender().set_params(item_encoder__min_count=5, item_encoder=SideFeatureEncoder(norm="l1"))
    assert (rec.item_encoder.min_count, rec.item_encoder.norm) == (5, "l1")


def small_search(X, features, cv):
    rec = WRMFRecommender(n_components=4, alpha=40.0, regularization=10.0, max_iter=3, random_state=0)
    search = GridSearchCV(rec, {"item_encoder__min_count": [1, 10**6]}, cv=cv, error_score="raise")
    return search.fit(X, item_features=features)


def test_grid_search_over_a_parameter_of_the_default_encoder(planted):
    X, _, features = planted
    search = small_search(X, features, UserHoldoutSplit(random_state=0))
    assert search.best_estimator_.item_encoder_.min_count == search.best_params_["item_encoder__min_count"]
    # min_count=10**6 removes all features, so that the two candidates differ.
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_as_many_items_as_interactions_are_not_sliced():
    """A fit parameter as long as X would lose the rows of the test fold."""
    X = [[f"u{i % 8}", i % 6] for i in range(48)]
    features = SideFeatures.from_dicts({i: {"tag": f"t{i % 5}"} for i in range(len(X))})
    rec = PopularityRecommender()
    search = GridSearchCV(rec, {}, cv=UserKFold(2, random_state=0), error_score="raise").fit(X, item_features=features)
    assert len(search.best_estimator_.items_) == len(X)
    factors = small_search(X, features, UserKFold(2, random_state=0)).best_estimator_
    assert len(factors.item_features_.ids) == len(factors.items_) == len(X)
