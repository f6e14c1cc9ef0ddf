"""Only fit, partial_fit and histories read the third column of X."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import (
    catalog_coverage_at_k,
    make_ranking_scorer,
    novelty_at_k,
    precision_at_k,
    ranking_auc,
    ranking_report,
)
from sklearn_recsketch.model_selection import (
    ColdItemSplit,
    ColdUserSplit,
    EpochCurveMonitor,
    TemporalUserSplit,
    UserHoldoutSplit,
    UserKFold,
)
from sklearn_recsketch.preprocessing import ParquetInteractions, threshold_interactions

X = make_interactions(60, 40, random_state=0)[0]
REC = WRMFRecommender(4, max_iter=2, random_state=0).fit(X)
PIPELINE = make_pipeline(InteractionThresholder(1, 1), PopularityRecommender()).fit(X)
TABLE = REC.recommend(k=3)
TIMES = np.arange(len(X))

THIRD = {
    "nan": np.nan,
    "infinite": np.inf,
    "negative": -1.0,
    "zero": 0.0,
    "none": None,
    "text": "?",
    "date": pd.Timestamp("2020-01-01"),
    "bytes": b"?",
    "lists": [[1]],
}
USES = {
    "predict": lambda X: REC.predict(X),
    "score": lambda X: REC.score(X),
    "ranking_report": lambda X: ranking_report(REC, X),
    "scorer": lambda X: make_ranking_scorer("ndcg@5")(REC, X),
    "scorers": lambda X: make_ranking_scorer(["ndcg@5", "auc"])(REC, X)["auc"],
    "auc": lambda X: ranking_auc(X, REC.recommend(k=40, exclude_seen=False)),
    "precision": lambda X: precision_at_k(X, TABLE, k=3),
    "coverage": lambda X: catalog_coverage_at_k(X, TABLE, k=3),
    "novelty": lambda X: novelty_at_k(X, TABLE, k=3),
    "exclude": lambda X: len(REC.recommend(k=40, exclude_seen=False, exclude=X)),
    "holdout": lambda X: next(UserHoldoutSplit(n_items=1, random_state=0).split(X))[1],
    "holdout described": lambda X: UserHoldoutSplit(n_items=1).describe(X),
    "folds": lambda X: next(UserKFold(2, random_state=0).split(X))[1],
    "cold items": lambda X: next(ColdItemSplit(random_state=0).split(X))[1],
    "cold users": lambda X: next(ColdUserSplit(random_state=0).split(X))[1],
    "times": lambda X: next(TemporalUserSplit().split(X, groups=TIMES))[1],
    "times described": lambda X: TemporalUserSplit().describe(X, groups=TIMES)["test_users"],
    "predict of a pipeline": lambda X: PIPELINE.predict(X),
    "score of a pipeline": lambda X: PIPELINE.score(X),
    "X_val": lambda V: WRMFRecommender(2, max_iter=2, early_stopping=True, random_state=0).fit(X, X_val=V).n_iter_,
    "monitor": lambda X: EpochCurveMonitor("precision@5", X).curves is not None,
}


def with_third(value, name="weight"):
    return X.assign(**{name: pd.Series(value * len(X)) if isinstance(value, list) else value})


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("value", THIRD.values(), ids=THIRD)
def test_the_values_of_a_third_column_are_ignored(use, value):
    np.testing.assert_array_equal(use(with_third(value)), use(X))


@pytest.mark.parametrize("name", ["timestamp", "session_id"])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_name_of_a_third_column_is_ignored(use, name):
    np.testing.assert_array_equal(use(with_third(9.6e8, name)), use(X))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_third_column_is_ignored_in_other_containers(use):
    objects = with_third("?").to_numpy(object)
    for table in (pl.from_pandas(with_third("?")), objects, objects.tolist()):
        np.testing.assert_array_equal(use(table), use(X))


@pytest.mark.parametrize("use", ["predict", "score", "ranking_report", "scorer", "exclude"])
@pytest.mark.parametrize("value", ["?", -1.0, np.nan])
def test_a_weight_column_of_a_file_is_ignored(use, value, tmp_path):
    pytest.importorskip("pyarrow")
    with_third(value).to_parquet(tmp_path / "rows.parquet")
    file = ParquetInteractions(tmp_path / "rows.parquet", weight="weight")
    np.testing.assert_array_equal(USES[use](file), USES[use](X))


@pytest.mark.parametrize(
    "read",
    [
        lambda X: REC.recommend(history=X),
        lambda X: InteractionThresholder(1, 1).fit(X),
        lambda X: InteractionThresholder(1, 1).fit_transform(X),
        lambda X: threshold_interactions(X),
        lambda V: PopularityRecommender().fit(V),
        lambda V: make_ranking_scorer(fold_in=0.5)(REC, V),
    ],
)
def test_weights_that_are_read_are_checked(read):
    with pytest.raises(ValueError, match=r"the weight column of (X|history) must be finite .* row 0 is NaN"):
        read(with_third(np.nan))


@pytest.mark.parametrize("use", ["predict", "score", "holdout", "precision", "novelty", "exclude"])
def test_a_fourth_column_is_an_error_everywhere(use):
    with pytest.raises(ValueError, match=r"has 4 feature\(s\)"):
        USES[use](X.assign(a=1, b=2))


def test_the_thresholder_passes_no_times_to_fit():
    """Values that are not valid weights become NaN, for which fit raises."""
    out = InteractionThresholder(1, 1).fit(X).transform(with_third(9.6e8, "timestamp"))
    assert out["weight"].isna().all()
    with pytest.raises(ValueError, match="the weight column of X must be finite"):
        PopularityRecommender().fit(out)


def test_the_thresholder_raises_for_invalid_ids():
    with pytest.raises(ValueError, match="The user id in row 0 is missing"):
        InteractionThresholder(1, 1).fit(X).transform([[None, 1, "?"]])
