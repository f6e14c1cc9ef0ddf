"""Bayesian personalized ranking (BPR)."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch.kernels._bpr_steps import bpr_pass
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.losses import BPRLoss
from sklearn_recsketch.typing import RandomState, Scoring
from sklearn_recsketch.utils._compat import StrOptions

__all__ = ["BPRRecommender"]


class BPRRecommender(PairwiseRecommender):
    r"""Bayesian personalized ranking (BPR): learn to rank positive items above sampled negatives.

    The score of item i for user u is :math:`s_{ui} = x_u \cdot y_i + b_i`. For each positive pair (u, i), an item j
    that u has not interacted with is sampled. The model then takes a gradient step on the loss
    :math:`w_{ui} \log(1 + \exp(s_{uj} - s_{ui}))`. The vectors, biases and weights are defined as in
    :class:`WARPRecommender`.

    Parameters
    ----------
    n_components : int, default=128
        Number of components of the vectors. More components improve the ranking on most data, but make training slower.
    learning_rate : float, default=0.2
        Initial step size. For each embedding, Adagrad sums the mean squared gradients of all steps, and divides the
        step size by the square root of one plus this sum. Try values from 0.05 to 0.5.
    negative_sampling : {"auto", "uniform", "popularity"}, default="auto"
        Distribution of the negative item j. "uniform" samples items uniformly, as in [1]_. "popularity" samples items
        in proportion to their number of interactions, as in implicit and LightFM. "auto" is "uniform" for the native
        engine and "popularity" for the other engines, which do not support "uniform". Which distribution gives a better
        ranking depends on the data. With 64 components on Gowalla, nDCG@20 was .107 with uniform sampling and .063 with
        sampling by popularity. On citeulike-a, nDCG@20 was .102 with uniform sampling and .108 with sampling by
        popularity (``benchmarks/engines.py``).
    max_iter : int, default=40
        Maximum number of epochs. An epoch is one pass over the positive pairs.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        Items that may be sampled as negatives. "unobserved" allows the items that the user has not interacted with.
        "weaker" also allows items whose interaction with the user is weaker than the interaction with the positive
        item.
    regularization : float, default=4.0
        L2 penalty of vectors and biases. Larger values shrink the vectors more. Try values from 1 to 10. The unit of
        the penalty is the same as in :class:`WARPRecommender`, but with :math:`w_1 = 1 / (2 \sqrt{n_{items}})`. This
        value is the weight of a first step, 1/2, divided by :math:`\sqrt{n_{items}}`. The division accounts for the
        fact that, in larger catalogues, fewer of the sampled items are near the top of the user's list.
    user_regularization : float, default=None
        L2 penalty of users. If None, the value of `regularization` is used.
    item_regularization : float, default=None
        L2 penalty of items. If None, the value of `regularization` is used.
    feature_regularization : float, default=None
        L2 penalty of the feature embeddings. If None, the penalty of users applies to user features, and the penalty of
        items applies to item features.
    average : bool, default=True
        Whether to average vectors and biases over the epochs, as in :class:`WARPRecommender`.
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
    engine : {"native", "implicit", "lightfm"}, default="native"
        Library that trains the model. All engines start from the same initial embeddings. "implicit" and "lightfm"
        require the [engines] extra, and do not support ``negatives="weaker"``. "lightfm" does not support
        `feature_regularization`, and adapts the learning rate to each component instead of each embedding. "implicit"
        has a constant learning rate and the same regularization for users and items. It does not support strengths,
        side features or training in batches.
    random_state : int, RandomState instance or None, default=None
        Seed for the initial vectors, the order of the pairs, the negative samples and the validation split.
    n_jobs : int, default=None
        Number of threads, as in :class:`WARPRecommender`. With one thread, fits with the same int `random_state` are
        identical.
    verbose : int, default=0
        If positive, print the loss of each epoch.

    Attributes
    ----------
    users_, items_, user_factors_, item_factors_, item_biases_, loss_curve_, n_iter_
        As in :class:`WARPRecommender`, which documents all other attributes.

    See Also
    --------
    WARPRecommender : Samples items until a violation is found, which improves the ranking near the top of the list.

    Notes
    -----
    An epoch takes O(n_pairs * K) time. Side features add O(n_values K) time to each epoch. They are trained as in
    :class:`WARPRecommender`, and so are updates by `partial_fit`.

    References
    ----------
    .. [1] S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme. BPR: Bayesian personalized
       ranking from implicit feedback. UAI 2009. https://doi.org/10.48550/arXiv.1205.2618

    Examples
    --------
    >>> from sklearn_recsketch import BPRRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> X, y = make_interactions(n_users=200, n_items=100, random_state=0)
    >>> rec = BPRRecommender(n_components=8, max_iter=10, random_state=0).fit(X, y)
    >>> rec.predict([[rec.users_[0], rec.items_[0]]]).shape
    (1,)
    """

    _parameter_constraints: dict[str, Any] = {
        **PairwiseRecommender._parameter_constraints,
        "negative_sampling": [StrOptions({"auto", "uniform", "popularity"})],
        "engine": [StrOptions({"native", "implicit", "lightfm"})],
    }

    def __init__(
        self,
        n_components: int = 128,
        *,
        learning_rate: float = 0.2,
        negative_sampling: str = "auto",
        max_iter: int = 40,
        negatives: str = "unobserved",
        regularization: float = 4.0,
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
        self.negative_sampling = negative_sampling
        self.max_iter = max_iter
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

    _kernel = bpr_pass

    def _loss(self, n_items: int) -> BPRLoss:
        by_popularity = {"auto": self.engine != "native", "uniform": False, "popularity": True}
        return BPRLoss(
            learning_rate=self.learning_rate,
            weaker_negatives=self.negatives == "weaker",
            by_popularity=by_popularity[self.negative_sampling],
        )
