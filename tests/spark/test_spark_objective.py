"""Test the parameters of the objective that are computed in the cluster."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from spark_data import QUIET, SMALL, collect_factors, make_plays, solve_factors, to_spark

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.spark import SparkWRMFRecommender

pytestmark = QUIET


@pytest.fixture(scope="module")
def plays():
    return make_plays()


@pytest.fixture(scope="module")
def frame(spark, plays):
    return to_spark(spark, plays)


@pytest.fixture(scope="module")
def fitted(frame):
    return SparkWRMFRecommender(3, max_iter=1, **SMALL).fit(frame)


@pytest.fixture(scope="module")
def local(fitted):
    return fitted.to_local()


@pytest.fixture(scope="module")
def automatic(plays):
    """WRMFRecommender with automatic parameters, fitted on the same data."""
    return WRMFRecommender(3, max_iter=1, random_state=0).fit(plays[["user", "item"]], plays["count"])


def test_automatic_parameters_equal_those_of_the_local_recommender(fitted, automatic):
    assert fitted.alpha_ == pytest.approx(automatic.alpha_, rel=1e-6)  # the order of summation differs
    assert fitted.strength_scale_ == automatic.strength_scale_
    lam = np.sqrt(automatic.user_regularization_ * automatic.item_regularization_)
    assert fitted.regularization_ == pytest.approx(lam, rel=1e-6)
    assert fitted.reg_param_ == pytest.approx(
        fitted.regularization_ * np.sqrt(fitted.n_users_ * fitted.n_items_) / fitted.n_interactions_
    )


def test_factors_with_scaled_log_confidence_solve_the_normal_equations(fitted, local):
    strengths = local.interactions_.toarray()
    users, items = (collect_factors(factors)[1] for factors in (fitted.user_factors_, fitted.item_factors_))
    kind = "scaled_log", fitted.strength_scale_
    np.testing.assert_allclose(
        users, solve_factors(strengths, items, fitted.reg_param_, fitted.alpha_, *kind), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("confidence", ["linear", "log", "scaled_log"])
def test_alpha_is_computed_for_any_transform(confidence, frame, plays):
    rec = SparkWRMFRecommender(2, max_iter=1, confidence=confidence, **SMALL).fit(frame)
    local = WRMFRecommender(2, max_iter=1, confidence=confidence).fit(plays[["user", "item"]], plays["count"])
    assert rec.alpha_ == pytest.approx(local.alpha_, rel=1e-6)
    assert rec.to_local().confidence == confidence


def test_numbers_can_be_combined_with_auto(frame, plays):
    rec = SparkWRMFRecommender(2, max_iter=1, alpha=7, **SMALL).fit(frame)
    local = WRMFRecommender(2, max_iter=1, alpha=7).fit(plays[["user", "item"]], plays["count"])
    assert (rec.alpha_, rec.to_local().confidence, rec.strength_scale_) == (7.0, "linear", 1.0)
    lam = np.sqrt(local.user_regularization_ * local.item_regularization_)
    assert rec.regularization_ == pytest.approx(lam, rel=1e-6)
    rec.set_params(alpha="auto", regularization=3).fit(frame)
    assert rec.regularization_ == 3.0


def test_to_local_keeps_the_computed_parameters(fitted, local):
    assert (local.alpha, local.confidence) == (fitted.alpha_, "scaled_log")
    assert (local.alpha_, local.strength_scale_) == (fitted.alpha_, fitted.strength_scale_)
    lam = np.sqrt(local.user_regularization_ * local.item_regularization_)
    assert lam == pytest.approx(fitted.regularization_, rel=1e-6)


def test_the_unit_of_strengths_does_not_matter(spark, fitted, plays):
    table = plays.assign(count=1024 * plays["count"])
    rec = clone(fitted).fit(to_spark(spark, table))
    assert rec.alpha_ == pytest.approx(fitted.alpha_, rel=1e-12)
    np.testing.assert_allclose(
        collect_factors(rec.item_factors_)[1], collect_factors(fitted.item_factors_)[1], rtol=1e-4, atol=1e-5
    )  # the order of summation differs
