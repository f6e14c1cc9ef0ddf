"""Metrics of other packages as formulas of the metrics of this package.

The other packages evaluate the same factors on matrices of the same rows. In the formulas, metrics are vectors over the
users with test items, n is the number of test items of each user, N is the number of all items, and mean and sum are
over the users.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sparse_matrices import legacy_csr

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch import metrics as ours
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_auc, ranking_report
from sklearn_recsketch.preprocessing import to_matrix

pytestmark = pytest.mark.engines
K = 7
# The other packages sum in float32 or in another order. The values are at most 1.
CLOSE = {"rtol": 0, "atol": 1e-6}


@pytest.fixture(scope="module")
def case(split):
    """A fitted recommender, and test rows with known users and items, as tables and as matrices."""
    X, y, X_test, _ = split
    rec = WRMFRecommender(n_components=6, max_iter=3, random_state=0).fit(X, y)
    X_test = X_test[X_test["user"].isin(rec.users_) & X_test["item"].isin(rec.items_)]
    shape = {"users": rec.users_, "items": rec.items_}
    train, test = (legacy_csr(to_matrix(rows, **shape)[0]) for rows in (X, X_test))
    n = np.diff(test.indptr)
    return SimpleNamespace(
        rec=rec, X=X, X_test=X_test, train=train, test=test, n=n[n > 0], N=len(rec.items_),
        report=ranking_report(rec, X_test, ks=range(1, K + 1), per_user=True),
    )  # fmt: skip


# implicit 0.7.3.


@pytest.fixture(scope="module")
def implicit_numbers(case):
    """Metrics that implicit computes from the fitted factors."""
    evaluation = pytest.importorskip("implicit.evaluation", reason="implicit is not installed")
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the model warns if BLAS has several threads
        model = AlternatingLeastSquares(factors=case.rec.n_components)
    model.user_factors, model.item_factors = case.rec.user_factors_, case.rec.item_factors_
    return {
        name: getattr(evaluation, name)(model, case.train, case.test, K=K, show_progress=False)
        for name in ("precision_at_k", "mean_average_precision_at_k", "ndcg_at_k", "AUC_at_k")
    }


def test_implicits_precision_is_capped_and_pooled(case, implicit_numbers):
    """sum(K precision@K) / sum(min(K, n)): the number of hits divided by the largest possible number."""
    expected = (K * case.report[f"precision@{K}"]).sum() / np.minimum(K, case.n).sum()
    np.testing.assert_allclose(implicit_numbers["precision_at_k"], expected, **CLOSE)


def test_implicits_precision_is_a_weighted_mean_of_the_capped(case, implicit_numbers):
    """sum(min(K, n) capped_precision@K) / sum(min(K, n))."""
    expected = np.average(case.report[f"capped_precision@{K}"], weights=np.minimum(K, case.n))
    np.testing.assert_allclose(implicit_numbers["precision_at_k"], expected, **CLOSE)


@pytest.mark.parametrize("name, metric", [("mean_average_precision_at_k", "average_precision"), ("ndcg_at_k", "ndcg")])
def test_implicits_average_precision_and_ndcg_are_ours(case, implicit_numbers, name, metric):
    """mean(average_precision@K), mean(ndcg@K)."""
    np.testing.assert_allclose(implicit_numbers[name], case.report[f"{metric}@{K}"].mean(), **CLOSE)


def test_implicits_auc_is_that_of_the_first_k_places(case, implicit_numbers):
    """mean((B + (H + n) / 2 (N - n - K + H)) / (n (N - n))) with H = K precision@K hits.

    B is the number of pairs of a hit and a later miss among the first K: the sum of j precision@j over j, minus
    H (H + 1) / 2. For the items after rank K, implicit assumes that half of the pairs are ordered correctly. All items
    that are not relevant count as candidates, including those seen in training.
    """
    hits_until = np.arange(1, K + 1) * case.report[[f"precision@{j}" for j in range(1, K + 1)]].to_numpy()
    H, n, N = hits_until[:, -1], case.n, case.N
    B = hits_until.sum(axis=1) - H * (H + 1) / 2
    expected = np.mean((B + (H + n) / 2 * (N - n - K + H)) / (n * (N - n)))
    np.testing.assert_allclose(implicit_numbers["AUC_at_k"], expected, **CLOSE)


# LightFM 1.17.


@pytest.fixture(scope="module")
def lightfm(case):
    """A function that returns the values per user of a metric that LightFM computes from the fitted factors."""
    evaluation = pytest.importorskip("lightfm.evaluation", reason="LightFM is not installed")
    from lightfm import LightFM

    model = LightFM(no_components=case.rec.n_components).fit(case.test, epochs=0)
    model.user_embeddings, model.item_embeddings = case.rec.user_factors_, case.rec.item_factors_
    model.user_biases[:], model.item_biases[:] = 0, 0

    def metric(name, exclude_seen, **options):
        train = case.train if exclude_seen else None
        return getattr(evaluation, name)(model, case.test, train_interactions=train, **options)

    return metric


both = pytest.mark.parametrize("exclude_seen", [True, False])


@both
@pytest.mark.parametrize("name, metric", [("precision_at_k", "precision"), ("recall_at_k", "recall")])
def test_lightfms_precision_and_recall_are_ours(case, lightfm, name, metric, exclude_seen):
    """precision@k and recall@k; without train_interactions, those with exclude_seen=False."""
    values = ranking_report(case.rec, case.X_test, ks=[K], exclude_seen=exclude_seen, per_user=True)
    np.testing.assert_allclose(lightfm(name, exclude_seen, k=K), values[f"{metric}@{K}"], **CLOSE)


@both
def test_lightfms_reciprocal_rank_has_no_cutoff(case, lightfm, exclude_seen):
    """reciprocal_rank@N."""
    values = ranking_report(case.rec, case.X_test, ks=[case.N], exclude_seen=exclude_seen, per_user=True)
    np.testing.assert_allclose(lightfm("reciprocal_rank", exclude_seen), values[f"reciprocal_rank@{case.N}"], **CLOSE)


@both
def test_lightfms_auc_is_ours(case, lightfm, exclude_seen):
    """auc, if no scores are tied. LightFM ranks the relevant item last among ties; here the order of items decides."""
    values = lightfm("auc_score", exclude_seen)
    scorer = make_ranking_scorer("auc", exclude_seen=exclude_seen)
    np.testing.assert_allclose(values.mean(), scorer(case.rec, case.X_test), **CLOSE)
    table = case.rec.recommend(case.X_test["user"].unique(), k=case.N, exclude_seen=exclude_seen)
    np.testing.assert_allclose(values, ranking_auc(case.X_test, table, per_user=True), **CLOSE)


# irspack 0.5.


@pytest.fixture(scope="module")
def irspack_numbers(case):
    """A function that returns the metrics that irspack computes from the fitted factors."""
    evaluation = pytest.importorskip("irspack.evaluation", reason="irspack is not installed")
    from irspack import IALSRecommender

    model = IALSRecommender(case.train, n_components=case.rec.n_components, n_threads=1)
    model.trainer = model._create_trainer()
    model.trainer.core_trainer.user, model.trainer.core_trainer.item = case.rec.user_factors_, case.rec.item_factors_

    def numbers(**options):
        return evaluation.Evaluator(case.test, n_threads=1, **options).get_scores(model, [K])

    return numbers


@pytest.mark.parametrize("name, metric", [("hit", "hit_rate"), *[(m, m) for m in ("precision", "recall", "ndcg")]])
def test_irspacks_metrics_of_hits_are_ours(case, irspack_numbers, name, metric):
    """mean(precision@K) and so on; items seen in training are excluded."""
    np.testing.assert_allclose(irspack_numbers()[f"{name}@{K}"], case.report[f"{metric}@{K}"].mean(), **CLOSE)


def test_irspacks_recall_with_a_cutoff_is_the_capped_precision(case, irspack_numbers):
    """mean(capped_precision@K)."""
    value = irspack_numbers(recall_with_cutoff=True)[f"recall@{K}"]
    np.testing.assert_allclose(value, case.report[f"capped_precision@{K}"].mean(), **CLOSE)


def test_irspacks_average_precision_is_over_all_relevant_items(case, irspack_numbers):
    """mean(average_precision@K min(K, n) / n)."""
    expected = np.mean(case.report[f"average_precision@{K}"] * np.minimum(K, case.n) / case.n)
    np.testing.assert_allclose(irspack_numbers()[f"map@{K}"], expected, **CLOSE)


# skrecsys 0.9.


@pytest.fixture(scope="module")
def skrecsys(case):
    """The metrics module of skrecsys and its inputs: the set of relevant items and the ranked list of each user."""
    module = pytest.importorskip("skrecsys.metrics", reason="skrecsys is not installed")
    table = case.rec.recommend(np.unique(case.X_test["user"]), k=K)
    lists = table.pivot_table(index="user", columns="rank", values="item").astype(int).to_numpy()
    relevant = [set(items) for _, items in case.X_test.groupby("user")["item"]]
    return SimpleNamespace(metrics=module, relevant=relevant, lists=lists, table=table)


@pytest.mark.parametrize("k", [1, 5, K])
@pytest.mark.parametrize("name", ["precision", "recall", "ndcg", "average_precision", "reciprocal_rank", "hit_rate"])
def test_skrecsys_metrics_of_hits_are_ours(case, skrecsys, name, k):
    """precision@k and so on. All lists must have at least k items."""
    values = getattr(skrecsys.metrics, f"{name}_at_k")(skrecsys.relevant, skrecsys.lists, k=k, average=None)
    np.testing.assert_allclose(values, case.report[f"{name}@{k}"], **CLOSE)


def test_skrecsys_coverage_is_ours(case, skrecsys):
    """catalog_coverage@k, with the items of X_train as the catalog."""
    value = skrecsys.metrics.catalog_coverage_at_k(None, skrecsys.lists, k=K, catalog=case.rec.items_)
    np.testing.assert_allclose(value, ours.catalog_coverage_at_k(case.X, skrecsys.table, k=K), **CLOSE)


def test_skrecsys_novelty_is_of_shares_of_pairs(case, skrecsys):
    """novelty@k + log2(n_pairs / n_users), without smoothing: skrecsys divides by the number of pairs, not of users."""
    popularity = skrecsys.metrics.item_popularity(case.X)
    values = skrecsys.metrics.novelty_at_k(
        None, skrecsys.lists, k=K, item_popularity=popularity, smoothing=0.0, average=None
    )
    values_here = ours.novelty_at_k(case.X, skrecsys.table, k=K, per_user=True)
    shift = np.log2(case.train.nnz / case.X["user"].nunique())
    np.testing.assert_allclose(values, values_here + shift, **CLOSE)
