"""Bayesian personalized ranking (BPR)."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch.kernels._sgd import bpr_pass
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.losses import BPRLoss
from sklearn_recsketch.utils._compat import StrOptions

__all__ = ["BPRRecommender"]


class BPRRecommender(PairwiseRecommender):
    r"""Bayesian personalized ranking (BPR): learn to rank positive items above sampled negatives.

    With the score :math:`s_{ui} = x_u \cdot y_i + b_i`, each positive pair (u, i) is compared with one sampled item j
    that u has not interacted with, and the model takes a gradient step on
    :math:`w_{ui} \log(1 + \exp(s_{uj} - s_{ui}))`. The vectors, biases and weights are defined as in
    :class:`WARPRecommender`.

    Parameters
    ----------
    n_components : int, default=128
        Number of components of the vectors. More components rank better on most data, and cost more time.
    learning_rate : float, default=0.2
        Initial step size. Adagrad divides it by the square root of one plus the sum of mean squared gradients of each
        embedding. Try 0.05 to 0.5.
    negative_sampling : {"auto", "uniform", "popularity"}, default="auto"
        Distribution of the negative item j: uniform as in [1]_, or proportional to the number of interactions as in
        implicit and LightFM. Which one ranks better depends on the data: with 64 components, nDCG@20 was .107 for
        uniform samples and .063 for samples by popularity on Gowalla, and .102 and .108 on citeulike-a
        (``benchmarks/engines.py``).
        "auto" is "uniform" for the native engine and "popularity" for the others, which support nothing else.
    max_iter : int, default=40
        Maximum number of epochs, which are passes over the positive pairs.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        Items that may be negatives: those the user has not interacted with, or in addition those the user has
        interacted with less.
    regularization : float, default=4.0
        L2 penalty of vectors and biases, in the unit of :class:`WARPRecommender` with
        :math:`w_1 = 1 / (2 \sqrt{n_{items}})`: the weight of a first step is 1/2, and the more items there are, the
        fewer of the sampled items are near the top of the user's list. Larger values shrink the vectors more; try 1 to
        10.
    user_regularization, item_regularization : float, default=None
        Penalty of one side. If None, `regularization` is used.
    feature_regularization : float, default=None
        Penalty of the embeddings of side features. If None, it is the penalty of their side.
    average : bool, default=True
        Whether vectors and biases are averages over the epochs, as in :class:`WARPRecommender`.
    tol : float, default=0.0
        Stop when an epoch lowers the loss by less than this fraction. With `early_stopping`, the smallest increase of
        the validation score that counts as an improvement. If 0, all epochs are run.
    user_encoder, item_encoder : SideFeatureEncoder, default=None
        Encoders of side features. If None, ``SideFeatureEncoder()`` is used.
    early_stopping, validation_fraction, n_iter_no_change, scoring
        Early stopping, as in :class:`WARPRecommender`.
    warm_start : bool, default=False
        Whether fit starts from the vectors of the previous fit.
    engine : {"native", "implicit", "lightfm"}, default="native"
        Library that trains the model, from the same initial embeddings. The other two need the extra [engines].
        "lightfm" has no `feature_regularization`, and a learning rate for each component instead of each embedding.
        "implicit" has a constant `learning_rate` and one regularization for both sides, and does not support strengths,
        side features or `partial_fit`. Neither supports ``negatives="weaker"``.
    random_state, n_jobs, verbose
        As in :class:`WARPRecommender`.

    Attributes
    ----------
    users_, items_, user_factors_, item_factors_, item_biases_, loss_curve_, n_iter_
        As in :class:`WARPRecommender`, which lists further attributes.

    See Also
    --------
    WARPRecommender : Samples until it finds a violation, so it ranks better near the top of the list.

    Notes
    -----
    Time per epoch: O(n_pairs * K), and with features O(n_values K) in addition. Side features are trained as in
    :class:`WARPRecommender`.

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
