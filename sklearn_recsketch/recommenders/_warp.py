"""The WARP recommender."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn_recsketch.kernels._sgd import warp_pass
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.trainer import Loss, warp_rank_weights
from sklearn_recsketch.utils._compat import Interval, StrOptions

__all__ = ["WARPRecommender"]


class WARPRecommender(PairwiseRecommender):
    r"""Weighted approximate-rank pairwise loss: learn to put liked items near the top.

    The score of item i for user u is :math:`s_{ui} = x_u \cdot y_i + b_i`, with :math:`x_u` a row of
    `user_factors_`, :math:`y_i` one of `item_factors_` and :math:`b_i` an entry of `item_biases_` (a bias
    of the user cancels). For each liked pair (u, i) items j are drawn uniformly until one violates the
    order, :math:`s_{uj} > s_{ui} - margin` with j not liked by u. After q draws, own items among them
    included, the model steps down the gradient of

    .. math:: w_{ui} \min\Big(10, \log \max\big(1, \lfloor (n_{items} - 1) / q \rfloor\big)\Big)\,
              (margin - s_{ui} + s_{uj})

    so that a violation found at once, which means many items stand above i, counts most. Without one
    in `max_sampled` draws there is no step. The weights :math:`w_{ui}` follow from the ranks of the strengths y
    among those of the user, :math:`1/2 + rank / (n + 1)` with n interactions: the strongest weigh up to three
    times as much as the weakest, equal ones weigh 1, and the unit and the tail of the strengths do not matter.
    With side features, :math:`x = F W` is the sum of the embeddings W of an entity's features, an identity column
    being one of them.

    Parameters
    ----------
    n_components : int, default=128
        Length of the vectors.
    learning_rate : float, default=0.05
        Initial step; Adagrad divides it by the root of one plus the sum of mean squares of each
        embedding's gradients.
    max_iter : int, default=40
        Epochs: passes over the liked pairs.
    margin : float, default=1.0
        By how much a liked item is to stand above the others.
    max_sampled : int, default=30
        Draws per liked pair.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        Items that may violate the order: those the user has not interacted with, or also those she has
        interacted with less.
    regularization : float, default=0.4
        L2 penalty of vectors and biases, in units of the edge of the noise: the objective has the terms
        :math:`\lambda_u |x_u|^2`, and likewise for items, with

        .. math:: \lambda_u = regularization\; w_1 \frac{n_u}{d_u} \frac{\sqrt{d_u} + \sqrt{d_i}}{2}

        where :math:`w_1 = \min(10, \log(n_{items} - 1))` is the weight of a first violation, :math:`n_u` the
        number of interactions of the user, and :math:`d_u` and :math:`d_i` are its means over users and over items.
        At 1, nothing is learned from interactions without structure.
    user_regularization, item_regularization : float, default=None
        Replace `regularization` for one side.
    feature_regularization : float, default=None
        L2 penalty of the embeddings of side features; None is that of their side.
    average : bool, default=True
        Whether factors and biases are averages over the epochs, later ones counting more: after n epochs, epoch t
        has a weight in proportion to :math:`t (t + 1) (t + 2)`.
    tol : float, default=0.0
        Stop once an epoch lowers the loss by less than this share; with `early_stopping`, the
        improvement of the validation score that counts. 0 runs all epochs.
    user_encoder, item_encoder : SideFeatureEncoder, default=None
        Encode side features; None is ``SideFeatureEncoder()``.
    early_stopping : bool, default=False
        Stop when the validation score has not improved for `n_iter_no_change` epochs, and keep the
        best epoch's factors.
    validation_fraction : float, default=0.1
        Share of each user's items held out for it, where fit gets no `X_val`.
    n_iter_no_change : int, default=3
        Its patience.
    scoring : str or callable, default=None
        Its score: a name such as "ndcg@10" or a scorer; None is "precision@5".
    warm_start : bool, default=False
        Start a fit from the factors of the last one.
    engine : {"native", "lightfm"}, default="native"
        What computes. "lightfm" takes the epochs in LightFM (extra [engines]), from the same initial embeddings. It
        has a margin of 1 and neither `feature_regularization` nor ``negatives="weaker"``, a rate for each parameter
        instead of each embedding, shrinks all rows alike, and bounds the weight of a violation by 10 after that of
        the strength is multiplied in.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial factors, the order of the pairs, the draws and the validation rows.
    n_jobs : int, default=None
        Threads; None is 1 outside of a :func:`joblib.parallel_config`, -1 all cores. With one thread
        an int `random_state` repeats a fit to the bit. With more, threads update the same vectors
        without locks (Hogwild), and results differ from fit to fit within the noise of the seed.
    verbose : int, default=0
        Print the loss of each epoch.

    Attributes
    ----------
    users_, items_ : ndarray
        Known ids, sorted.
    user_factors_, item_factors_ : ndarray of shape (n_users or n_items, n_components), dtype float32
        Vectors, in the order of the ids.
    item_biases_ : ndarray of shape (n_items,), dtype float32
        Biases, in the order of the ids.
    user_embeddings_, item_embeddings_ : ndarray of shape (n_features, n_components), dtype float32
        Embeddings of the encoders' columns; without side features the factors themselves.
    item_feature_biases_ : ndarray of shape (n_features,), dtype float32
        Biases of the item encoder's columns.
    user_features_, item_features_ : SideFeatures or None
        Features in fit, aligned to the ids.
    user_encoder_, item_encoder_ : SideFeatureEncoder or None
        Fitted encoders.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths in fit.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean weighted loss of the pairs in each epoch, at the draws of that epoch and before averaging.
    n_iter_ : int
        Epochs behind the factors.
    validation_scores_ : ndarray
        Score after each epoch, with `early_stopping`.
    diverged_ : bool
        Whether training left the finite numbers; then the last finite factors were kept.
    n_features_in_ : int
        2, or 3 where X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X, where it was a frame.

    See Also
    --------
    BPRRecommender : One random item for each liked one.
    WRMFRecommender : Fits all pairs; fewer parameters to tune.

    Notes
    -----
    Items known by their features only are never drawn. Draws are keyed by seed, epoch and pair, never
    by thread.

    With features, the steps move the vectors of rows, as without. Twice an epoch features get the embeddings that
    explain best by how much rows have moved since, one step of a ridge regression, and rows move by that once more,
    times a share: what rows with a feature have in common moves all that carry it, others included. The share grows
    with :math:`r / (1 + r)`, r the mean of :math:`|f|^2` over the square of the identity's weight, and with how well
    the movement of a row is predicted by other rows with the same features: features without a meaning change next
    to nothing. Steps on the embeddings of features themselves, sample by sample, cost more and learnt less: chance
    adds up in features that many items share.

    The penalty acts at each row's own Adagrad rate. So where it is in balance with the loss does not depend on the
    learning rate, nor on how much other rows move. Near zero, the loss of a rank-one component :math:`s a, t b` is
    :math:`-w_1 s t \sigma` with its singular value :math:`\sigma` in the 0/1 matrix. With the penalty it grows only if
    :math:`w_1 \sigma > 2 \sqrt{\lambda_u \lambda_i}`, and random matrices have no singular values beyond
    :math:`\sqrt{d_u} + \sqrt{d_i}`. On nine data sets of 40,000 to 800,000 interactions the best values were between
    0.25 and 0.5; on a few thousand interactions larger ones are better.

    Time per epoch: O(n_pairs * draws * K), draws between 1 and `max_sampled`, and with features O(values K).
    Memory: three times the embeddings, two without `average`, and the interactions; with features four times the
    vectors.

    References
    ----------
    .. [1] J. Weston, S. Bengio, N. Usunier. WSABIE: Scaling up to large vocabulary image annotation.
       IJCAI 2011. https://doi.org/10.5591/978-1-57735-516-8/IJCAI11-460
    .. [2] M. Kula. Metadata embeddings for user and item cold-start recommendations. CBRecSys 2015.
       https://doi.org/10.48550/arXiv.1507.08439

    Examples
    --------
    >>> from sklearn_recsketch import WARPRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> X, y = make_interactions(n_users=200, n_items=100, random_state=0)
    >>> rec = WARPRecommender(n_components=8, max_iter=10, random_state=0).fit(X, y)
    >>> rec.recommend(rec.users_[:2], k=3).shape
    (6, 4)
    """

    _parameter_constraints: dict[str, Any] = {
        **PairwiseRecommender._parameter_constraints,
        "margin": [Interval(Real, 0, None, closed="left")],
        "max_sampled": [Interval(Integral, 1, None, closed="left")],
        "engine": [StrOptions({"native", "lightfm"})],
    }

    def __init__(
        self,
        n_components: int = 128,
        *,
        learning_rate: float = 0.05,
        max_iter: int = 40,
        margin: float = 1.0,
        max_sampled: int = 30,
        negatives: str = "unobserved",
        regularization: float = 0.4,
        user_regularization: float | None = None,
        item_regularization: float | None = None,
        feature_regularization: float | None = None,
        average: bool = True,
        tol: float = 0.0,
        user_encoder: Any = None,
        item_encoder: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        scoring: Any = None,
        warm_start: bool = False,
        engine: str = "native",
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.margin = margin
        self.max_sampled = max_sampled
        self.negatives = negatives
        self.regularization = regularization
        self.user_regularization = user_regularization
        self.item_regularization = item_regularization
        self.feature_regularization = feature_regularization
        self.average = average
        self.tol = tol
        self.user_encoder = user_encoder
        self.item_encoder = item_encoder
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.warm_start = warm_start
        self.engine = engine
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    _kernel = warp_pass

    def _loss(self, n_items: int) -> Loss:
        weights = warp_rank_weights(n_items, self.max_sampled)
        return Loss(self.learning_rate, self.margin, weights, weaker=self.negatives == "weaker")
