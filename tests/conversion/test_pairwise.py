"""Test formulas of the steps of WARP and BPR in other libraries, with the parameters of this package.

In the formulas, x is the vector of the user, y_i and y_j are the vectors of the positive item and of the sampled
negative item, and b are the biases of items.
"""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from pairwise_losses import make_loss
from sparse_matrices import legacy_csr

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WARPRecommender
from sklearn_recsketch.kernels._pairs import ACCUMULATOR, PENALTY
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.lightfm_engine import alpha_of
from sklearn_recsketch.recommenders._pairwise.losses import warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers

pytestmark = pytest.mark.engines
K, RATE, N_ITEMS = 3, 0.05, 1000
# Tolerance for float32 sums of terms of at most 1.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
SEEDS = range(20)
ONE = sp.coo_matrix(([1.0], ([0], [5])), shape=(2, N_ITEMS), dtype=np.float32)  # a single interaction, of user 0
PAIRS = sp.coo_matrix(np.eye(2, dtype=np.float32))  # two users with one interaction each, with different items


def start_of(shape, n_components=K):
    random = np.random.RandomState(0)
    return [(random.random_sample((n, n_components)).astype(np.float32) - 0.5) for n in shape]


def lightfm_epoch(interactions, seed=0, *, loss="warp", n_components=K, sample_weight=None, **options):
    """Parameters of LightFM before and after one epoch. Stored zeros of `interactions` are not trained on."""
    lightfm = pytest.importorskip("lightfm", reason="LightFM is not installed")
    model = lightfm.LightFM(n_components, loss=loss, learning_rate=RATE, random_state=seed, **options)
    model.fit_partial(interactions, epochs=0)
    users, items = start_of(interactions.shape, n_components)
    model.user_embeddings, model.item_embeddings = users.copy(), items.copy()
    model.fit_partial(interactions, sample_weight=sample_weight)
    return SimpleNamespace(
        before=(users, items), users=model.user_embeddings, items=model.item_embeddings, biases=model.item_biases,
        squares=model.item_embedding_gradients, model=model,
    )  # fmt: skip


def our_epoch(likes, seed=0, *, loss="warp", n_components=K, penalty=0.0, max_sampled=10):
    """Parameters of WARP or BPR before and after one epoch, with the same penalty for all rows.

    Stored zeros of `likes` are neither trained on nor sampled as negatives.
    """
    known = sp.csr_array(likes)
    positives = sp.csr_array(sp.coo_array(likes.toarray()))
    users, items = start_of(likes.shape, n_components)
    alone = Workers(None, 1)
    sides = [
        PlainSide(Embeddings.starting_at(start.copy(), penalty), with_bias, alone)
        for start, with_bias in ((users, False), (items, True))
    ]
    weights = warp_rank_weights(likes.shape[1], max_sampled) if loss == "warp" else None
    epochs = PairwiseEpochs(
        positives, known, *sides, make_loss(RATE, weights, by_popularity=loss == "bpr"), seed, alone
    )
    epochs.run(0)
    (users_after, _), (items_after, _) = epochs.embeddings()
    return SimpleNamespace(
        before=(users, items), users=users_after.values, items=items_after.values, biases=items_after.biases,
        squares=items_after.state[:, ACCUMULATOR],
    )  # fmt: skip


BOTH = pytest.mark.parametrize("epoch", [lightfm_epoch, our_epoch], ids=["LightFM", "ours"])


# LightFM 1.17.


def test_lightfms_scores_are_ours_and_a_constant_per_user(planted):
    """LightFM, with the feature matrix of the encoder, scores x . y_i + b_i + the bias of the user."""
    lightfm = pytest.importorskip("lightfm", reason="LightFM is not installed")
    X, _, tags = planted
    rec = WARPRecommender(K, max_iter=2, random_state=0).fit(X, item_features=tags)
    design = legacy_csr(rec.item_encoder_.transform(rec.item_features_))
    model = lightfm.LightFM(K).fit(legacy_csr(rec.interactions_), item_features=design, epochs=0)
    model.user_embeddings, model.item_embeddings = rec.user_factors_, rec.item_embeddings_
    model.item_biases[:] = rec.item_feature_biases_
    model.user_biases[:] = np.linspace(-1, 1, len(rec.users_))
    u, i = rec.interactions_.nonzero()
    pairs = np.column_stack([rec.users_[u], rec.items_[i]])
    theirs = model.predict(u.astype(np.int32), i.astype(np.int32), item_features=design)
    np.testing.assert_allclose(theirs, rec.predict(pairs) + model.user_biases[u], **CLOSE)


@BOTH
def test_lightfms_first_step_is_ours(epoch):
    """The step is learning_rate times the weight, along y_i - y_j, x and -x, and along 1 and -1 for the biases."""
    after = epoch(ONE)
    (users, items), i, j = after.before, 5, int(np.argmin(after.biases))
    length = RATE * math.log(N_ITEMS - 1)  # before training, the first sampled item violates the margin
    expected = items.copy()
    expected[i], expected[j] = items[i] + length * users[0], items[j] - length * users[0]
    np.testing.assert_allclose(after.users[0], users[0] + length * (items[i] - items[j]), **CLOSE)
    np.testing.assert_allclose(after.items, expected, **CLOSE)
    np.testing.assert_allclose(after.biases[[i, j]], [length, -length], **CLOSE)
    assert np.count_nonzero(after.biases) == 2


def stored_zeros_and_one_interaction():
    """600 interactions of user 0, all but one of which are stored zeros."""
    items = np.arange(600)
    return sp.coo_matrix((items == 5, (np.zeros(600, int), items)), (2, N_ITEMS), dtype=np.float32)


@BOTH
def test_lightfms_rank_weights_are_ours(epoch):
    """The weight is log(max(1, floor((n_items - 1) / q))), where q is the number of sampled items, including positives.

    It is 0 if all max_sampled sampled items are positives.
    """
    interactions = stored_zeros_and_one_interaction()
    weights = [epoch(interactions, seed).biases[5] / RATE for seed in SEEDS]
    possible = np.array([math.log((N_ITEMS - 1) // q) for q in range(1, 11)] + [0])
    np.testing.assert_allclose(np.abs(np.subtract.outer(possible, weights)).min(axis=0), 0, atol=1e-5)
    assert len(np.unique(np.round(weights, 4))) > 2


def test_lightfm_never_draws_a_stored_zero():
    interactions = stored_zeros_and_one_interaction()
    assert min(np.argmin(lightfm_epoch(interactions, seed).biases) for seed in SEEDS) >= 600


def test_lightfm_ignores_values_and_takes_a_sample_weight_before_its_limit():
    """The weight of a step is min(10, weight log(...)) in LightFM, and d min(10, log(...)) here."""
    five = 5 * ONE
    np.testing.assert_allclose(lightfm_epoch(five).biases[5], RATE * math.log(N_ITEMS - 1), **CLOSE)
    np.testing.assert_allclose(lightfm_epoch(ONE, sample_weight=five).biases[5], RATE * 10, **CLOSE)
    np.testing.assert_allclose(our_epoch(five).biases[5], RATE * 5 * math.log(N_ITEMS - 1), **CLOSE)


def test_lightfms_adagrad_is_ours_component_by_component():
    """LightFM keeps 1 + the sum of g^2 for each component; this package keeps their mean over the vector."""
    theirs, ours = lightfm_epoch(ONE), our_epoch(ONE)
    squares = (math.log(N_ITEMS - 1) * theirs.before[0][0]) ** 2
    np.testing.assert_allclose(theirs.squares[5], 1 + squares, **CLOSE)
    np.testing.assert_allclose(ours.squares[5], 1 + squares.mean(), **CLOSE)


def test_more_components_do_not_lengthen_our_steps():
    """With more than 128 components, the sum over the components is divided by 128."""
    ours = our_epoch(ONE, n_components=200)
    squares = (math.log(N_ITEMS - 1) * ours.before[0][0]) ** 2
    np.testing.assert_allclose(ours.squares[5], 1 + squares.sum() / 128, **CLOSE)


def test_lightfms_bpr_with_one_component_is_ours():
    """For some order of the pairs and some sampled negatives of LightFM, an epoch gives the same parameters."""
    ours = our_epoch(PAIRS, loss="bpr", n_components=1)
    distances = []
    for seed in SEEDS:
        theirs = lightfm_epoch(PAIRS, seed, loss="bpr", n_components=1)
        parts = ("users", "items", "biases")
        distances.append(max(np.abs(getattr(theirs, part) - getattr(ours, part)).max() for part in parts))
    assert min(distances) < 1e-6 < max(distances)


@BOTH
def test_lightfms_bpr_draws_items_by_their_interactions(epoch):
    """Item 1 has nine interactions and item 2 one. They are stored zeros, so that only user 0 is trained on."""
    users, items = np.arange(11), np.array([0] + [1] * 9 + [2])
    interactions = sp.coo_matrix((users == 0, (users, items)), dtype=np.float32)
    drawn = np.array([np.argmin(epoch(interactions, seed, loss="bpr").biases) for seed in range(300)])
    # The tolerance is three standard errors.
    assert (drawn == 1).mean() == pytest.approx(0.9, abs=3 * math.sqrt(0.9 * 0.1 / 300))


def test_lightfms_bpr_takes_an_own_item_where_it_finds_no_other():
    """LightFM samples as many items as there are interactions, then takes a positive item as the negative.

    Such a step changes the bias of the user only. This package skips the step.
    """
    theirs = lightfm_epoch(ONE, loss="bpr")
    np.testing.assert_allclose(theirs.model.user_biases, [-RATE / 2, 0], **CLOSE)
    np.testing.assert_allclose(theirs.users, theirs.before[0], **CLOSE)


# The L2 penalty of LightFM.


@pytest.mark.parametrize("epoch, option", [(lightfm_epoch, {"item_alpha": 0.02, "user_alpha": 0.02}),
                                           (our_epoch, {"penalty": 0.01})], ids=["LightFM", "ours"])  # fmt: skip
def test_lightfms_alpha_is_twice_our_penalty_in_an_epoch_of_one_step(epoch, option):
    """All rows shrink by alpha times the length of each step in LightFM, and here by 2 lambda times it per epoch."""
    after = epoch(ONE, **option)
    items = np.delete(np.arange(N_ITEMS), [5, int(np.argmin(after.biases))])
    # LightFM divides by 1 + alpha length, and this package multiplies by exp(-2 lambda length): 0.001^2 / 2 apart.
    for rows, start in ((after.items[items], after.before[1][items]), (after.users[1:], after.before[0][1:])):
        np.testing.assert_allclose(rows / start, 1 - 0.02 * RATE, atol=1e-6)


def test_lightfms_alpha_spares_the_rows_a_step_touches():
    """In LightFM, the rows of a step do not shrink as long as their rates of Adagrad are equal; here, they shrink."""
    plain, shrunk = lightfm_epoch(ONE), lightfm_epoch(ONE, item_alpha=1.0, user_alpha=1.0)
    np.testing.assert_allclose(shrunk.users[0], plain.users[0], **CLOSE)
    np.testing.assert_allclose(shrunk.items[5], plain.items[5], **CLOSE)
    ours = [our_epoch(ONE, penalty=r) for r in (0.0, 0.5)]
    np.testing.assert_allclose(
        ours[1].items[5], math.exp(-RATE / ours[0].squares[5] ** 0.5) * ours[0].items[5], **CLOSE
    )


def test_alpha_shrinks_the_mean_row_as_our_regularization_does(planted):
    """`alpha_of` returns 2 lambda of the mean row divided by the number of steps."""
    X, _, _ = planted
    rec = WARPRecommender(K, max_iter=1, regularization=0.3, random_state=0).fit(X)
    loss = rec._loss(len(rec.items_))
    half_edge = sum(math.sqrt(len(X) / n) for n in rec.interactions_.shape) / 2
    lam = 0.3 * loss.rank_weights[1] * half_edge
    assert alpha_of(0.3, loss, rec.interactions_) == pytest.approx(2 * lam / len(X))
    for name, rows in (("user", len(rec.users_)), ("item", len(rec.items_))):
        assert rec._training_state[name][:, PENALTY].sum() == pytest.approx(lam * rows, rel=1e-5)


def test_lightfms_alpha_stretches_the_vectors_within_an_epoch():
    """Until the end of an epoch, LightFM scores with vectors that are multiplied by s = 1 + alpha length, not divided.

    With the same interaction twice, the gradient g of the second step is w (s y_j - s (y_i + step)). LightFM multiplied
    y_i by s to exempt it from shrinkage.
    """
    twice = sp.coo_matrix(([1.0, 1.0], ([0, 0], [5, 5])), shape=(2, N_ITEMS), dtype=np.float32)
    after = lightfm_epoch(twice, item_alpha=2.0, user_alpha=2.0)
    (users, items), w, s = after.before, math.log(N_ITEMS - 1), 1 + 2.0 * RATE
    moved = s * (items[5] + RATE * w * users[0])
    negatives = np.flatnonzero(after.model.item_bias_gradients > 1)
    squares = {
        scale: [
            1 + w**2 * ((items[a] - items[5]) ** 2 + scale**2 * (items[b] - moved) ** 2)
            for a, b in itertools.permutations(np.delete(negatives, np.flatnonzero(negatives == 5)))
        ]
        for scale in (s, 1 / s)
    }
    distance = {
        scale: np.abs(np.array(of) - after.model.user_embedding_gradients[0]).max(axis=1).min()
        for scale, of in squares.items()
    }
    assert distance[s] < 1e-4 < 0.1 < distance[1 / s]


# Initial vectors and features of LightFM.


def test_lightfm_starts_with_shorter_vectors_the_more_components(planted):
    """Initial components are uniform within 0.5 / n_components in LightFM and within 1 / 32 here; biases are 0."""
    lightfm = pytest.importorskip("lightfm", reason="LightFM is not installed")
    theirs = lightfm.LightFM(K, random_state=0).fit(sp.coo_matrix(np.ones((300, 300), dtype=np.float32)), epochs=0)
    ours = WARPRecommender(K, learning_rate=1e-12, max_iter=1, random_state=0).fit(planted[0])
    for vectors, biases in (
        (theirs.item_embeddings, theirs.item_biases),
        (ours.item_factors_ * (16 / K), ours.item_biases_),
    ):
        assert 0.47 / K < np.abs(vectors).max() < 0.5 / K  # for at least 360 random numbers
        np.testing.assert_allclose(biases, 0, atol=1e-9)


@pytest.mark.parametrize("normalize", [False, True])
def test_lightfms_features_are_those_of_a_plain_encoder(normalize):
    """The encoder has idf=False and norm=None. If normalize=True, LightFM divides each row by its sum.

    The rows include the indicator of the item itself.
    """
    data = pytest.importorskip("lightfm.data", reason="LightFM is not installed")
    tags = {1: ["a", "b"], 2: ["b"], 3: ["a", "b", "c"]}
    dataset = data.Dataset()
    dataset.fit([1], tags, item_features=["a", "b", "c"])
    theirs = dataset.build_item_features(tags.items(), normalize=normalize).toarray()
    features = SideFeatures.from_dicts({item: {"tag": values} for item, values in tags.items()})
    ours = SideFeatureEncoder(idf=False, norm=None).fit_transform(features).toarray()
    np.testing.assert_allclose(theirs, ours / ours.sum(axis=1, keepdims=True) if normalize else ours, **CLOSE)


# BPR of implicit 0.7.3.


def implicit_bpr(interactions, seed=0, iterations=1, **options):
    """BPR model of implicit and, for each epoch, its number, seconds, correctly ranked pairs and skipped pairs."""
    bpr = pytest.importorskip("implicit.cpu.bpr", reason="implicit is not installed")
    model = bpr.BayesianPersonalizedRanking(
        K, learning_rate=0.1, regularization=0.2, iterations=iterations, num_threads=1, random_state=seed, **options
    )
    epochs = []
    matrix = legacy_csr(sp.csr_array(interactions))
    model.fit(matrix, show_progress=False, callback=lambda *statistics: epochs.append(statistics))
    return model, epochs


def test_implicits_bpr_step_has_a_constant_rate_and_penalizes_what_it_touches():
    """A step is v += learning_rate (g - regularization v) for the three vectors and the two biases."""
    seed = next(s for s in SEEDS if implicit_bpr(PAIRS, s)[1][0][3] == 1)  # one of the two pairs is skipped
    (before, _), (after, _) = (implicit_bpr(PAIRS, seed, iterations=n) for n in (0, 1))
    u = int(np.flatnonzero((before.user_factors != after.user_factors).any(axis=1))[0])
    x, (y_i, y_j) = before.user_factors[u], before.item_factors[[u, 1 - u]]
    z = 1 / (1 + math.exp(x @ (y_i - y_j)))
    expected = [x + 0.1 * (z * (y_i - y_j) - 0.2 * x), y_i + 0.1 * (z * x - 0.2 * y_i), y_j - 0.1 * (z * x + 0.2 * y_j)]
    np.testing.assert_allclose(after.user_factors[u, :-1], expected[0][:-1], **CLOSE)
    np.testing.assert_allclose(after.item_factors[[u, 1 - u]], expected[1:], **CLOSE)


def test_implicits_bpr_has_biases_in_its_last_component():
    model, _ = implicit_bpr(PAIRS, iterations=3)
    assert model.user_factors.shape[1] == K + 1
    np.testing.assert_array_equal(model.user_factors[:, -1], 1)
    items, scores = model.recommend(0, None, N=2, filter_already_liked_items=False)
    vectors, biases = model.item_factors[items, :-1], model.item_factors[items, -1]
    np.testing.assert_allclose(scores, vectors @ model.user_factors[0, :-1] + biases, **CLOSE)


def test_implicits_bpr_skips_pairs_whose_draw_is_an_own_item():
    """If verify_negative_samples=False, implicit uses positives as negatives. This package samples another item."""
    assert sum(implicit_bpr(PAIRS, seed)[1][0][3] for seed in SEEDS) > 0
    assert sum(implicit_bpr(PAIRS, seed, verify_negative_samples=False)[1][0][3] for seed in SEEDS) == 0


def test_implicits_bpr_draws_items_by_their_interactions():
    """With 9 of 11 pairs of item 1, (81 + 1 + 1) / 121 of the sampled items are positives; uniformly, a third."""
    interactions = sp.coo_matrix((np.ones(11), (np.arange(11), [0] + [1] * 9 + [2])), dtype=np.float32)
    skipped = sum(epoch[3] for epoch in implicit_bpr(interactions, iterations=200)[1]) / (200 * 11)
    assert skipped == pytest.approx(83 / 121, abs=0.03)  # three standard errors


def test_implicits_bpr_ignores_values():
    once, fivefold = (implicit_bpr(times * PAIRS, iterations=3)[0] for times in (1, 5))
    np.testing.assert_array_equal(once.item_factors, fivefold.item_factors)


def test_implicits_bpr_starts_as_lightfm_but_for_biases(planted):
    """Initial components and biases are uniform within 0.5 / n_components."""
    model, _ = implicit_bpr(to_matrix(planted[0])[0], iterations=0)
    assert 0.47 / K < np.abs(model.item_factors).max() <= 0.5 / K  # for 480 random numbers
    assert model.item_factors[:, -1].any()
