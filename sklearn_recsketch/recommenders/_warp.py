"""Weighted approximate-rank pairwise loss (WARP)."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn_recsketch.kernels._sgd import warp_pass
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.losses import WARPLoss, warp_rank_weights
from sklearn_recsketch.utils._compat import Interval, StrOptions

__all__ = ["WARPRecommender"]


class WARPRecommender(PairwiseRecommender):
    r"""Weighted approximate-rank pairwise loss (WARP): learn to rank positive items near the top of the list.

    The score of item i for user u is :math:`s_{ui} = x_u \cdot y_i + b_i`, where :math:`x_u` is a row of
    `user_factors_`, :math:`y_i` a row of `item_factors_` and :math:`b_i` an entry of `item_biases_` (user biases would
    cancel out). For each positive pair (u, i), items j are sampled uniformly until one violates the order,
    :math:`s_{uj} > s_{ui} - margin`, among items that u has not interacted with. If that takes q draws, including draws
    of items the user has interacted with, the model takes a gradient step on

    .. math:: w_{ui} \min\Big(10, \log \max\big(1, \lfloor (n_{items} - 1) / q \rfloor\big)\Big)\,
              (margin - s_{ui} + s_{uj})

    so a violation that is found early has the largest weight, because it means that many items rank above i. If
    `max_sampled` draws find no violation, there is no step. The weight :math:`w_{ui}` depends on the rank of the
    strength y among the strengths of the user: it is :math:`1/2 + rank / (n + 1)` for a user with n interactions. The
    strongest interactions have up to three times the weight of the weakest, equal strengths have weight 1, and neither
    the unit nor the tail of the strengths matters. With side features, a vector is the sum :math:`x = F W` of the
    embeddings W of its features, including an identity feature for each id.

    Parameters
    ----------
    n_components : int, default=128
        Number of components of the vectors. More components rank better on most data, and cost more time.
    learning_rate : float, default=0.05
        Initial step size. Adagrad divides it by the square root of one plus the sum of mean squared gradients of each
        embedding. Try 0.01 to 0.2.
    max_iter : int, default=40
        Maximum number of epochs, which are passes over the positive pairs.
    margin : float, default=1.0
        Difference by which the score of a positive item should exceed those of other items.
    max_sampled : int, default=30
        Maximum number of sampled negatives per positive pair. Larger values rank better near the top of the list, and
        cost more time.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        Items that may be negatives: those the user has not interacted with, or in addition those the user has
        interacted with less.
    regularization : float, default=0.4
        L2 penalty of vectors and biases, in units of the penalty that removes noise. Larger values shrink the vectors
        more; try 0.1 to 1. The objective has the terms :math:`\lambda_u |x_u|^2`, and likewise for items, with

        .. math:: \lambda_u = regularization\; w_1 \frac{n_u}{d_u} \frac{\sqrt{d_u} + \sqrt{d_i}}{2}

        where :math:`w_1 = \min(10, \log(n_{items} - 1))` is the weight of a violation found by the first draw,
        :math:`n_u` the number of interactions of the user, and :math:`d_u` and :math:`d_i` are the means of that number
        over users and over items. With a value of 1, nothing is learned from interactions without structure.
    user_regularization, item_regularization : float, default=None
        Penalty of one side. If None, `regularization` is used.
    feature_regularization : float, default=None
        Penalty of the embeddings of side features. If None, it is the penalty of their side.
    average : bool, default=True
        Whether vectors and biases are averages over the epochs. After n epochs, the weight of epoch t is proportional
        to :math:`t (t + 1) (t + 2)`, so that later epochs count more.
    tol : float, default=0.0
        Stop when an epoch lowers the loss by less than this fraction. With `early_stopping`, the smallest increase of
        the validation score that counts as an improvement. If 0, all epochs are run.
    user_encoder, item_encoder : SideFeatureEncoder, default=None
        Encoders of side features. If None, ``SideFeatureEncoder()`` is used.
    early_stopping : bool, default=False
        Whether to stop when the validation score has not improved for `n_iter_no_change` epochs, and to keep the
        vectors of the best epoch.
    validation_fraction : float, default=0.1
        Fraction of each user's items to hold out for validation. Only used if `early_stopping=True` and `X_val` is not
        passed to fit.
    n_iter_no_change : int, default=3
        Number of epochs without improvement before early stopping ends training. Only used if `early_stopping=True`.
    scoring : str or callable, default=None
        Validation score: a name such as "ndcg@10" or a scorer. If None, "precision@5" is used. Only used if
        `early_stopping=True`.
    warm_start : bool, default=False
        Whether fit starts from the vectors of the previous fit.
    engine : {"native", "lightfm"}, default="native"
        Library that trains the model. "lightfm" (extra [engines]) starts from the same initial embeddings. It has a
        fixed margin of 1, neither `feature_regularization` nor ``negatives="weaker"``, a learning rate for each
        component instead of each embedding, and the same shrinkage for all rows. It limits the weight of a violation
        to 10 after multiplying it by the weight of the interaction.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial vectors, the order of the pairs, the negative samples and the validation split.
    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :func:`joblib.parallel_config` context, and -1 means all cores. With
        one thread, fits with the same int `random_state` are identical. With more threads, which update the same
        vectors without locks (Hogwild), results vary as much as between seeds.
    verbose : int, default=0
        If positive, print the loss of each epoch.

    Attributes
    ----------
    users_, items_ : ndarray
        Known ids, sorted.
    user_factors_, item_factors_ : ndarray of shape (n_users or n_items, n_components), dtype float32
        Vectors, in the order of the ids.
    item_biases_ : ndarray of shape (n_items,), dtype float32
        Biases, in the order of the ids.
    user_embeddings_, item_embeddings_ : ndarray of shape (n_features, n_components), dtype float32
        Embeddings of the columns of the encoders. Without side features, they are the vectors.
    item_feature_biases_ : ndarray of shape (n_features,), dtype float32
        Biases of the columns of the item encoder.
    user_features_, item_features_ : SideFeatures or None
        Side features passed to fit, in the order of the ids.
    user_encoder_, item_encoder_ : SideFeatureEncoder or None
        Fitted encoders.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean weighted loss of the pairs during each epoch, on the negatives sampled in that epoch, before averaging.
    n_iter_ : int
        Number of epochs that led to the vectors.
    validation_scores_ : ndarray
        Validation score after each epoch, if `early_stopping=True`.
    diverged_ : bool
        Whether training diverged. Then the last finite vectors were kept.
    n_features_in_ : int
        2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X, if it was a frame.

    See Also
    --------
    BPRRecommender : Samples one negative per positive pair.
    WRMFRecommender : Fits the preferences of all pairs, with fewer parameters to tune.

    Notes
    -----
    Items without interactions are never sampled. Random numbers are keyed by seed, epoch and pair, not by thread.

    With side features, the steps move the vectors as they do without side features. Twice an epoch, the features
    explain the movement of the vectors by one step of a ridge regression, and the vectors also move by a share of the
    explained part. So the movement that rows with a feature have in common extends to all rows with that feature. The
    share grows with :math:`r / (1 + r)`, where r is the mean of :math:`|f|^2` over the square of the identity weight,
    and with the correlation between the movement of a row and its prediction from other rows with the same features, so
    uninformative features have almost no effect. Taking steps on the embeddings of features for each sample would cost
    more and rank worse, because noise adds up in features of many items.

    The penalty applies at the Adagrad rate of each row, so the equilibrium with the loss depends neither on the
    learning rate nor on the movement of other rows. Near zero, the loss of a rank-one component :math:`s a, t b` is
    :math:`-w_1 s t \sigma`, where :math:`\sigma` is its singular value in the 0/1 matrix. With the penalty, the
    component grows only if :math:`w_1 \sigma > 2 \sqrt{\lambda_u \lambda_i}`, and the singular values of random
    matrices do not exceed :math:`\sqrt{d_u} + \sqrt{d_i}`. On nine data sets of 40,000 to 800,000 interactions, the
    best values were between 0.25 and 0.5. On a few thousand interactions, larger values are better.

    Time per epoch: O(n_pairs * draws * K) with 1 to `max_sampled` draws, and with features O(n_values K) in addition.
    Memory: three times the embeddings, or twice without `average`, and the interactions; with features four times the
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

    def _loss(self, n_items: int) -> WARPLoss:
        return WARPLoss(
            learning_rate=self.learning_rate,
            margin=self.margin,
            rank_weights=warp_rank_weights(n_items, self.max_sampled),
            weaker_negatives=self.negatives == "weaker",
        )
