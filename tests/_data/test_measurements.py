"""Standardization of measurements: neither their units nor their number may affect other features."""

import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import ONE_PER_TRAINER
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.inspection import explain, suggest_features
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import ColdItemSplit
from sklearn_recsketch.serving import embedding_table


def tagged(**measurements):
    """Build features with tags for some ids, and measurements for all."""
    n = len(next(iter(measurements.values()), range(12)))
    rows = {i: {"tag": [f"t{j}" for j in range(6) if (i + j) % (j + 2) == 0]} for i in range(n)}
    for key, values in measurements.items():
        for i, value in enumerate(values):
            if value is not None:
                rows[i][key] = value
    return SideFeatures.from_dicts(rows)


def encoded(features, **parameters):
    """Feature columns of the encoder by name."""
    encoder = SideFeatureEncoder(identity=False, **parameters)
    matrix = encoder.fit_transform(features).toarray()
    return dict(zip(encoder.get_feature_names_out(), matrix.T, strict=True))


def tags_of(columns):
    return {name: column for name, column in columns.items() if name.startswith("tag=")}


def years(n=12, seed=0):
    return np.random.default_rng(seed).integers(1950, 2020, n).astype(float)


@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("idf", [True, False])
@pytest.mark.parametrize("n_measurements", [1, 5, 20])
@pytest.mark.parametrize("kind", [years, lambda n, seed: np.random.default_rng(seed).integers(0, 2, n)])
def test_measurements_do_not_change_the_columns_of_categories(norm, idf, n_measurements, kind):
    measurements = {f"m{j}": kind(12, seed=j) for j in range(n_measurements)}
    beside = tags_of(encoded(tagged(**measurements), norm=norm, idf=idf))
    alone = encoded(tagged(), norm=norm, idf=idf)
    assert beside.keys() == alone.keys()
    for name, column in alone.items():
        np.testing.assert_array_equal(beside[name], column)


@settings(deadline=None, max_examples=150)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), min_size=2, max_size=12),
    factor=st.sampled_from([1000.0, 0.001, -2.5, 1e9, 1e-9, 1e200, 1e-200]),
    offset=st.sampled_from([0.0, 7.0, -3.5]),
)
def test_a_change_of_unit_changes_nothing(values, factor, offset):
    """Exceptions are the sign, if the factor is negative, and 0 and 1, which are encoded as a category."""
    present = [value for value in values if value is not None]
    assume(present and not set(present) <= {0, 1})
    # An offset much larger than the factor would change the numbers by rounding.
    changed = [None if value is None else (value + offset) * factor for value in values]
    assume(not {value for value in changed if value is not None} <= {0, 1})
    before, after = encoded(tagged(x=values)), encoded(tagged(x=changed))
    np.testing.assert_allclose(after.pop("x"), np.sign(factor) * before.pop("x"), atol=1e-5)
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column)


@pytest.mark.parametrize("unit", [1.0, 1000.0, 1e9, 1e-300, 1e300])
@pytest.mark.parametrize("model", ONE_PER_TRAINER)
def test_models_do_not_depend_on_the_unit(likes, model, unit):
    X, _, _ = likes
    items = np.unique(X["item"])
    year = years(len(items))
    recommenders = [
        model(n_components=4, max_iter=3, random_state=0).fit(
            X, item_features=SideFeatures.from_dicts({int(i): {"year": y} for i, y in zip(items, scaled, strict=True)})
        )
        for scaled in (year, unit * year)
    ]
    # the float32 matrices differ in the last digit
    np.testing.assert_allclose(recommenders[1].item_factors_, recommenders[0].item_factors_, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("measurement", ["year", "nearly constant", "outlier", "bools"])
@pytest.mark.parametrize("model", ONE_PER_TRAINER)
def test_an_uninformative_measurement_does_not_hurt_cold_items(planted, model, measurement):
    X, _, tags = planted
    train, test = next(ColdItemSplit(test_size=0.3, random_state=0).split(X))
    rng, n = np.random.default_rng(0), len(tags.ids)
    values = {
        "year": 1e9 * rng.integers(1950, 2020, n),
        "nearly constant": np.where(np.arange(n) == 3, 5.0, 4.0),
        "outlier": np.where(np.arange(n) == 3, 1e30, rng.normal(size=n)),
        "bools": rng.integers(0, 2, n),
    }[measurement]
    both = SideFeatures.from_dicts(
        {
            int(id_): {"tag": [tags.values[c] for c in tags.matrix[[row]].indices], "m": values[row]}
            for row, id_ in enumerate(tags.ids)
        }
    )
    scorer = make_ranking_scorer("recall@20", candidates="cold")
    alone, beside = (
        scorer(model(n_components=16, random_state=0).fit(X.iloc[train], item_features=features), X.iloc[test])
        for features in (tags, both)
    )
    # Another random initialization changes the recall as much.
    assert beside > alone - 0.03


def test_fitted_moments_are_those_of_StandardScaler():
    values = np.array([[1950.0, 3.5], [1999.0, -2.0], [2020.0, 8.0]])
    features = SideFeatures.from_frame(pd.DataFrame(values, columns=["a", "b"]).rename_axis("id"))
    encoder, scaler = SideFeatureEncoder(norm=None).fit(features), StandardScaler().fit(values)
    np.testing.assert_allclose(encoder.mean_, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(encoder.scale_, scaler.scale_, rtol=1e-12)
    expected = scaler.transform(values)
    np.testing.assert_allclose(encoder.transform(features).toarray()[:, 3:], expected, rtol=1e-6)  # float32


def test_a_missing_measurement_is_replaced_by_the_mean():
    column = encoded(tagged(x=[1.0, None, 3.0, 5.0]))["x"]
    assert column[1] == column[2] == 0
    assert SideFeatureEncoder().fit(tagged(x=[1.0, None, 3.0, 5.0])).mean_[-1] == 3


@pytest.mark.parametrize("n", [1, 5, 20])
def test_the_mean_squared_length_of_measurements_is_1(n):
    rng = np.random.default_rng(0)
    block = np.stack(
        [
            c
            for name, c in encoded(tagged(**{f"m{j}": rng.normal(size=12) for j in range(n)})).items()
            if name.startswith("m")
        ]
    )
    assert np.square(block).sum() / 12 == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [[5.0] * 12, [5.0, None, 5.0], [None, 5.0], [0.0] * 12, [0.1 + 0.2, 0.3, 0.3], [1e300, 1e300], [7]],
    ids=["all", "some", "one", "zero", "rounding", "huge", "one_id"],
)
def test_a_constant_measurement_has_no_effect(values):
    assert not encoded(tagged(x=values))["x"].any()
    encoder = SideFeatureEncoder().fit(tagged(x=values))
    query = encoder.transform(SideFeatures.from_dicts({0: {"x": 1e9}}))
    assert np.isfinite(query.data).all() and query.sum() == 1


@pytest.mark.parametrize(
    "values", [[1e300, -1e300, 3.0], [1.7e308, -1.7e308, 0], [5e-324, 0.0, 1e-320], [1e39, 1.0, 2]]
)
def test_extreme_numbers_stay_finite(values):
    column = encoded(tagged(x=values))["x"]
    assert np.isfinite(column).all() and column.any()


def test_outliers_are_clipped_to_5_deviations():
    features = tagged(x=[*np.tile([-1.0, 1.0], 500), 1e6])
    encoder = SideFeatureEncoder(identity=False, norm=None).fit(features)
    query = SideFeatures.from_dicts({-1: {"x": 1e300}, -2: {"x": -1e300}})
    assert encoder.transform(features).max() == 5
    assert sorted(encoder.transform(query).data) == [-5, 5]


def test_numbers_beyond_float32_need_standardization():
    features = tagged(x=[1e300, 1.0])
    with pytest.raises(ValueError, match=r"'x' of id 0 is 1e\+300, but models use float32.* standardize=True"):
        SideFeatureEncoder(standardize=False).fit_transform(features)


@pytest.mark.parametrize("cell", [bool, int, float])
def test_one_hot_columns_are_categories(cell):
    tags = encoded(tagged())
    hot = SideFeatures.from_dicts({i: {name: cell(c[i] > 0) for name, c in tags.items()} for i in range(12)})
    columns = encoded(hot)
    for name, column in tags.items():
        np.testing.assert_array_equal(columns[name], column)


def test_one_hot_columns_stay_sparse():
    hot = pd.DataFrame(np.eye(50), columns=[f"c{j}" for j in range(50)]).rename_axis("id")
    assert SideFeatureEncoder(identity=False).fit_transform(SideFeatures.from_frame(hot)).nnz == 50


def test_min_count_counts_ids_that_have_the_measurement():
    features = tagged(often=[0, 2, 4, 6], seldom=[None, None, 3, 5], hot=[0, 0, 1, 0])
    names = SideFeatureEncoder(min_count=3).fit(features).feature_names_
    assert {"often", "seldom", "hot"} & set(names) == {"often"}


def test_without_standardization_numbers_are_weights():
    features = SideFeatures.from_dicts({1: {"vr": 3.0, "art": 4.0}, 2: {"vr": 1.0, "art": 0.0}})
    columns = encoded(features, standardize=False)
    np.testing.assert_allclose(columns["vr"], [0.6, 1], rtol=1e-6)
    np.testing.assert_allclose(columns["art"], [0.8, 0], rtol=1e-6)


def test_an_id_at_the_mean_is_represented_by_its_measurement():
    X = [[0, 10], [0, 11], [1, 11], [1, 12]]
    features = SideFeatures.from_dicts({10: {"x": 1.0}, 11: {"x": 2.0}, 12: {"x": 3.0}})
    model = WRMFRecommender(2, max_iter=2, random_state=0, item_encoder=SideFeatureEncoder(identity=False))
    assert not model.fit(X, item_features=features).item_factors_[1].any()


@pytest.mark.parametrize("model", ONE_PER_TRAINER)
def test_partial_fit_keeps_the_scale_of_known_measurements(likes, model):
    X, _, _ = likes
    items = np.unique(X["item"])
    first = SideFeatures.from_dicts({int(i): {"year": float(y), "hot": i % 2} for i, y in enumerate(years(len(items)))})
    fitted = model(n_components=4, max_iter=2, random_state=0).fit(X, item_features=first)
    before = pickle.loads(pickle.dumps(fitted.item_encoder_))
    later = SideFeatures.from_dicts({1000: {"year": 1e6, "price": 3.0, "hot": 5}, 1001: {"year": 0.0, "price": 9.0}})
    encoder = fitted.partial_fit(X[:20], item_features=later).item_encoder_
    known = np.isin(encoder.feature_names_, before.feature_names_)
    for name in ("mean_", "scale_", "idf_", "standardized_", "indicators_"):
        np.testing.assert_array_equal(getattr(encoder, name)[known], getattr(before, name))
    assert encoder.measurement_length_ == before.measurement_length_
    assert encoder.mean_[list(encoder.feature_names_).index("price")] == 6


def test_a_measurement_that_varies_later_gets_a_scale():
    X = [[0, 10], [0, 11], [1, 11], [1, 12]]
    first = SideFeatures.from_dicts({i: {"x": 5.0} for i in (10, 11, 12)})
    model = WRMFRecommender(2, max_iter=2, random_state=0).fit(X, item_features=first)
    assert np.isinf(model.item_encoder_.scale_).all()
    model.partial_fit(X, item_features=SideFeatures.from_dicts({13: {"x": 9.0}}))
    assert model.item_encoder_.mean_ == pytest.approx([6])


def test_encoders_with_measurements_are_cloned_and_pickled():
    features = tagged(x=years())
    encoder = SideFeatureEncoder(standardize=False)
    assert clone(encoder).get_params() == encoder.get_params()
    encoder = SideFeatureEncoder().fit(features)
    again = pickle.loads(pickle.dumps(encoder)).transform(features)
    np.testing.assert_array_equal(again.toarray(), encoder.transform(features).toarray())


def test_embeddings_of_measurements_can_be_inspected(tiny):
    X, y, _, user_features = tiny
    model = WRMFRecommender(3, max_iter=3, random_state=0)
    model.fit(X, y, user_features=user_features, item_features=tagged(x=years(14), z=np.arange(14) * 1e9))
    user, item = model.users_[0], model.items_[0]
    assert {"x", "z"} <= set(model.item_encoder_.feature_names_)
    assert len(suggest_features(model, [item], k=3)) == 3
    terms = explain(model, user, item, by="features")
    contributions = terms.loc[terms["source"] == "item feature", "contribution"]
    assert len(contributions) and np.isfinite(contributions).all()
    assert len(embedding_table(model, "items")) == len(model.items_)
