"""Weighted approximate-rank pairwise loss (WARP)."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn_recsketch.kernels._warp_steps import warp_pass
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.recommenders._pairwise.base import IN_FLOAT32, PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.losses import WARPLoss, warp_rank_weights
from sklearn_recsketch.typing import RandomState, Scoring
from sklearn_recsketch.utils._compat import Interval, StrOptions

__all__ = ["WARPRecommender"]


class WARPRecommender(PairwiseRecommender):
    r"""Weighted approximate-rank pairwise loss (WARP): learn to rank positive items near the top of the list.

    The score of item i for user u is :math:`s_{ui} = x_u \cdot y_i + b_i`, where :math:`x_u` is a row of
    `user_factors_`, :math:`y_i` is a row of `item_factors_` and :math:`b_i` is an entry of `item_biases_`. There are no
    user biases, because they would not change the order of the items. For each positive pair (u, i), items j are
    sampled uniformly until one of them violates the order: :math:`s_{uj} > s_{ui} - margin`. Items that u has
    interacted with are skipped, but they count as draws. If the violation is found in draw q, the model takes a
    gradient step on the loss

    .. math:: w_{ui} \min\Big(10, \log \max\big(1, \lfloor (n_{items} - 1) / q \rfloor\big)\Big)\,
              (margin - s_{ui} + s_{uj})

    A violation that is found early has a larger weight because it suggests that many items rank above i. If no
    violation is found in `max_sampled` draws, no step is taken. The weight :math:`w_{ui}` depends on the rank of the
    interaction's strength among all strengths of the user. For a user with n interactions, it is
    :math:`1/2 + rank / (n + 1)`. The strongest interactions have up to three times the weight of the weakest
    interactions. If all strengths are equal, all weights are 1. Only the order of the strengths matters. With side
    features, the vectors are :math:`x = F W`, where W holds the feature embeddings and F holds the features of each id.
    These features include an identity feature for each id.

    Parameters
    ----------
    n_components : int, default=128
        Number of components of the vectors. More components improve the ranking on most data, but make training slower.
    learning_rate : float, default=0.05
        Initial step size. For each embedding, Adagrad sums the mean squared gradients of all steps, and divides the
        step size by the square root of one plus this sum. Try values from 0.01 to 0.2.
    max_iter : int, default=40
        Maximum number of epochs. An epoch is one pass over the positive pairs.
    margin : float, default=1.0
        Difference by which the score of a positive item needs to exceed the scores of other items.
    max_sampled : int, default=128
        Maximum number of items to sample for each positive pair. Larger values usually improve the ranking, but make
        training slower. On seven data sets, nDCG@20 rose by up to 11 % from 30 to 120 samples, and by up to 3 % from
        120 to 240.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        Items that may be sampled as negatives. "unobserved" allows the items that the user has not interacted with.
        "weaker" also allows items whose interaction with the user is weaker than the interaction with the positive
        item.
    regularization : float, default=0.4
        L2 penalty of vectors and biases. Larger values shrink the vectors more. Try values from 0.1 to 1. With a value
        of 1, nothing is learned from purely random interactions. The objective has the term :math:`\lambda_u |x_u|^2`
        for each user, and a similar term for each item, with

        .. math:: \lambda_u = regularization\; w_1 \frac{n_u}{d_u} \frac{\sqrt{d_u} + \sqrt{d_i}}{2}

        where :math:`w_1 = \min(10, \log(n_{items} - 1))` is the weight of a violation found in the first draw,
        :math:`n_u` is the number of interactions of the user, :math:`d_u` is the mean number of interactions of a user
        and :math:`d_i` is the mean number of interactions of an item.
    user_regularization : float, default=None
        L2 penalty of users. If None, the value of `regularization` is used.
    item_regularization : float, default=None
        L2 penalty of items. If None, the value of `regularization` is used.
    feature_regularization : float, default=None
        L2 penalty of the feature embeddings. If None, the penalty of users applies to user features, and the penalty of
        items applies to item features.
    average : bool, default=True
        Whether to average vectors and biases over the epochs. After n epochs, the weight of epoch t is proportional to
        :math:`t (t + 1) (t + 2)`, so that later epochs count more.
    tol : float, default=0.0
        Training stops when an epoch lowers the loss by less than this fraction of the loss. If 0, all epochs are run.
        With `early_stopping=True`, `tol` is instead the smallest increase of the validation score that counts as an
        improvement.
    user_encoder : SideFeatureEncoder, default=None
        Encoder of user features. If None, ``SideFeatureEncoder()`` is used.
    item_encoder : SideFeatureEncoder, default=None
        Encoder of item features. If None, ``SideFeatureEncoder()`` is used. Set its `feature_weight` above 1 to let the
        features count more, and below 1 to let them count less.
    early_stopping : bool, default=False
        Whether to stop training when the validation score has not improved for `n_iter_no_change` epochs. The vectors
        of the best epoch are kept.
    validation_fraction : float, default=0.1
        Fraction of each user's items to hold out for validation. Only used if `early_stopping=True` and `X_val` is not
        passed to fit.
    n_iter_no_change : int, default=3
        Number of epochs without improvement after which training stops. Only used if `early_stopping=True`.
    scoring : str or callable, default=None
        Validation score: a name such as "ndcg@10", or a scorer. If None, "precision@5" is used. Only used if
        `early_stopping=True`.
    warm_start : bool, default=False
        Whether `fit` starts from the vectors of the previous fit.
    engine : {"native", "lightfm"}, default="native"
        Library that trains the model. Both engines start from the same initial embeddings. "lightfm" requires the
        [engines] extra. It has a fixed margin of 1, and supports neither `feature_regularization` nor
        ``negatives="weaker"``. It adapts the learning rate to each component instead of each embedding, and shrinks all
        rows equally. It multiplies the weight of a violation by the weight of the interaction before it caps the result
        at 10.
    random_state : int, RandomState instance or None, default=None
        Seed for the initial vectors, the order of the pairs, the negative samples and the validation split.
    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :func:`joblib.parallel_config` context, and -1 means all cores. With
        one thread, fits with the same int `random_state` are identical. With several threads, results vary as much as
        they do across seeds because the threads update the same vectors without locks (Hogwild).
    verbose : int, default=0
        If positive, print the loss of each epoch.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    user_factors_, item_factors_ : ndarray of shape (n_users or n_items, n_components), dtype float32
        Vectors of users and items, in the order of the ids.
    item_biases_ : ndarray of shape (n_items,), dtype float32
        Item biases, in the order of the ids.
    user_embeddings_, item_embeddings_ : ndarray of shape (n_features, n_components), dtype float32
        One embedding for each output column of the encoders. Without side features, the embeddings are the vectors.
    item_feature_biases_ : ndarray of shape (n_features,), dtype float32
        One bias for each output column of the item encoder.
    user_features_, item_features_ : SideFeatures or None
        Side features passed to fit, in the order of the ids.
    user_encoder_, item_encoder_ : SideFeatureEncoder or None
        Fitted encoders.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean weighted loss of the pairs in each epoch. It is computed on the negatives that are sampled in the epoch,
        from vectors that are not averaged over the epochs.
    n_iter_ : int
        Number of epochs that were run to obtain the vectors.
    validation_scores_ : ndarray
        Validation score after each epoch. Only defined if `early_stopping=True`.
    diverged_ : bool
        Whether training diverged. If so, the last finite vectors are kept.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    See Also
    --------
    BPRRecommender : Samples a single negative item for each positive pair.
    WRMFRecommender : Fits the preferences of all pairs, and has fewer parameters to tune.

    Notes
    -----
    The pairs are processed in random order, in blocks of 64. The pairs of a block share their samples: 32 items are
    drawn at a time, and one matrix product computes the scores of all pairs. With a `max_sampled` of at most 16, 16
    items are drawn for blocks of 32 pairs. Each pair goes through the items in order, but starts at a random offset.
    The user vectors in this product do not include the steps of the block, so a violation is checked again before a
    step is taken. Items without interactions are never sampled. Random numbers depend on the seed, the epoch and the
    block, but not on the thread.

    With side features, the gradient steps move the vectors as they do without side features. Twice per epoch, one step
    of a ridge regression predicts the movement of the vectors from the features. A fraction of this prediction is then
    added to the vectors. In this way, a movement shared by many rows with a feature is extended to all rows with this
    feature. The fraction grows with :math:`r / (1 + r)`, where r is the mean of :math:`|f|^2` divided by the square of
    the identity weight. It also grows with the correlation between the movement of a row and its prediction from other
    rows with the same features. Uninformative features therefore have almost no effect. Updating the feature embeddings
    for each sample would take more time and give a worse ranking because noise accumulates in the embeddings of common
    features.

    The penalty is applied with the Adagrad learning rate of each row. The equilibrium between the penalty and the loss
    therefore depends neither on the learning rate nor on the movement of other rows. Near zero, a rank-one component
    with the factors :math:`s a` and :math:`t b` changes the loss by :math:`-w_1 s t \sigma`, where :math:`\sigma` is
    the singular value of the component in the 0/1 matrix of interactions. With the penalty, the component grows only if
    :math:`w_1 \sigma > 2 \sqrt{\lambda_u \lambda_i}`. The singular values of random matrices do not exceed
    :math:`\sqrt{d_u} + \sqrt{d_i}`. On nine data sets with 40,000 to 800,000 interactions, the best values of
    `regularization` were between 0.25 and 0.5. With a few thousand interactions, larger values are better.

    In an update of a fitted model by `partial_fit`, new users and items are folded in. The bias of a new item is
    predicted from its number of interactions by a linear regression of the known biases on the logarithm of this
    number. The model is then trained for one epoch on all known interactions, with a quarter of the learning rate.
    Training on the new interactions alone would rank new items too high for all users, because these items would be
    positives in most of their steps and negatives in few.

    An epoch takes O(n_pairs * draws * K) time, with 32 to `max_sampled` draws per pair, rounded up to a multiple of 32.
    Side features add O(n_values K) time to each epoch. Training takes three times the memory of the embeddings, or
    twice if `average=False`, in addition to the memory of the interactions. With side features, it takes four times the
    memory of the vectors.

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
        "margin": [IN_FLOAT32],
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
        max_sampled: int = 128,
        negatives: str = "unobserved",
        regularization: float = 0.4,
        user_regularization: float | None = None,
        item_regularization: float | None = None,
        feature_regularization: float | None = None,
        average: bool = True,
        tol: float = 0.0,
        user_encoder: SideFeatureEncoder | None = None,
        item_encoder: SideFeatureEncoder | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        scoring: Scoring | None = None,
        warm_start: bool = False,
        engine: str = "native",
        random_state: RandomState = None,
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
