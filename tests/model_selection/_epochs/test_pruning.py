"""Pruning rules, and searches that stop candidates early."""

import numpy as np
import pytest

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.model_selection import EpochSearchCV, HalvingPruning, MedianPruning, UserHoldoutSplit

NAN = np.nan
# 40 candidates, most of them poor, so that later batches of 16 are compared with earlier ones.
GRID = {"alpha": [0.001, 0.01, 1.0, 5.0, 20.0], "regularization": [1e-3, 1.0, 30.0, 1e3], "n_components": [1, 6]}
EPOCHS = [1, 2, 3, 4, 5, 6]


def search_of(X, y, **options):
    search = EpochSearchCV(WRMFRecommender(random_state=0), GRID, epochs=EPOCHS, random_state=0, refit=False, **options)
    return search.fit(X, y)


@pytest.fixture(scope="module")
def full(planted):
    return search_of(*planted[:2])


@pytest.fixture(scope="module", params=["median", "halving"])
def pruned(request, planted):
    return search_of(*planted[:2], prune=request.param)


def test_scores_before_the_stop_equal_those_of_the_full_search(full, pruned):
    reached = ~np.isnan(pruned.cv_results_["mean_test_score"])
    assert 0 < reached.sum() < reached.size
    assert np.array_equal(pruned.cv_results_["mean_test_score"][reached], full.cv_results_["mean_test_score"][reached])


def test_the_stopped_rows_are_marked(pruned):
    assert np.array_equal(pruned.cv_results_["pruned"], np.isnan(pruned.cv_results_["mean_test_score"]))


def test_a_stopped_candidate_stays_stopped(pruned):
    stopped = pruned.cv_results_["pruned"].reshape(-1, len(EPOCHS))
    assert np.array_equal(stopped, np.maximum.accumulate(stopped, axis=1))


@pytest.mark.parametrize(
    ("rule", "parameter", "value"),
    [
        (HalvingPruning, "factor", 1),
        (HalvingPruning, "factor", 2.5),
        (HalvingPruning, "first", 0),
        (MedianPruning, "warmup", -1),
        (MedianPruning, "min_candidates", 0),
    ],
)
def test_rules_refuse_invalid_parameters(rule, parameter, value):
    with pytest.raises(ValueError, match=f"{parameter} of {rule.__name__} must be an int of at least .*, got {value}"):
        rule(**{parameter: value})


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_pruning_does_not_depend_on_n_jobs(planted, pruned, n_jobs):
    again = search_of(*planted[:2], prune=pruned.prune, n_jobs=n_jobs)
    assert np.array_equal(again.cv_results_["mean_test_score"], pruned.cv_results_["mean_test_score"], equal_nan=True)


def test_without_a_rule_there_is_no_column_of_pruned_rows(full):
    assert "pruned" not in full.cv_results_
    assert np.isfinite(full.cv_results_["mean_test_score"]).all()


def test_a_candidate_stopped_in_one_fold_has_no_mean_score(planted):
    X, y, _ = planted
    search = search_of(X, y, prune="halving", cv=UserHoldoutSplit(2, random_state=0))
    folds = np.array([search.cv_results_[f"split{fold}_test_score"] for fold in (0, 1)])
    assert np.array_equal(np.isnan(search.cv_results_["mean_test_score"]), np.isnan(folds).any(axis=0))


def test_the_median_includes_the_best_scores_of_stopped_candidates():
    curves = np.array([[1, 2, 3], [5, NAN, NAN], [2, 4, 1]])
    assert MedianPruning(warmup=0, min_candidates=3).thresholds(curves).tolist() == [2, 4, 4]


def test_the_median_waits_for_candidates_and_for_the_warmup():
    curves = np.arange(12.0).reshape(4, 3)
    assert np.isneginf(MedianPruning(min_candidates=5).thresholds(curves)).all()
    assert np.isneginf(MedianPruning(warmup=2, min_candidates=4).thresholds(curves)).tolist() == [True, True, False]


def test_the_median_counts_failed_fits_as_the_worst():
    curves = np.array([[NAN, NAN], [NAN, NAN], [1, 2]])
    assert np.isneginf(MedianPruning(warmup=0, min_candidates=3).thresholds(curves)).all()


def test_halving_keeps_the_best_fraction_at_each_rung():
    curves = np.column_stack([np.arange(9.0)] * 7)
    curves[:3, 2:] = NAN
    thresholds = HalvingPruning(factor=3, first=2, min_candidates=3).thresholds(curves)
    # The rungs are checkpoints 2 and 6, and only six of nine candidates reach the second rung.
    assert np.flatnonzero(np.isfinite(thresholds)).tolist() == [1, 5]
    assert (curves[:, 1] >= thresholds[1]).sum() == 3
    assert (curves[:, 5] >= thresholds[5]).sum() == 2


def test_halving_never_stops_at_the_last_checkpoint():
    curves = np.column_stack([np.arange(9.0)] * 6)
    assert np.isneginf(HalvingPruning(factor=3, first=2).thresholds(curves)[-1])


def test_pruning_requires_a_single_metric(planted):
    with pytest.raises(ValueError, match="prune compares candidates by a single metric"):
        search_of(*planted[:2], prune="median", scoring=["precision@5", "ndcg@10"])
