"""The BPR recommender."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch.kernels._sgd import bpr_pass
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.trainer import Loss
from sklearn_recsketch.utils._compat import StrOptions

__all__ = ["BPRRecommender"]


class BPRRecommender(PairwiseRecommender):
    r"""Bayesian personalized ranking: liked items above random others.

    With the score :math:`s_{ui} = x_u \cdot y_i + b_i`, each liked pair (u, i) meets one item j that u
    does not like, and the model steps down the gradient of
    :math:`w_{ui} \log(1 + \exp(s_{uj} - s_{ui}))`. All else is as in :class:`WARPRecommender`, whose
    attributes it has.

    Parameters
    ----------
    n_components : int, default=128
        Length of the vectors.
    learning_rate : float, default=0.2
        Initial step; Adagrad divides it by the root of one plus the sum of mean squares of each
        embedding's gradients.
    negative_sampling : {"auto", "uniform", "popularity"}, default="auto"
        How the item j is drawn: all items alike, as in the paper, or that of a liked pair drawn at random, so a
        popular one more often, as in implicit and LightFM. Which ranks better depends on the data: with 64
        components ndcg@20 was .107 uniformly and .063 by popularity on Gowalla, .102 and .108 on citeulike-a
        (``benchmarks/engines.py``). "auto" is "uniform", and "popularity" with another `engine`, which knows
        nothing else.
    max_iter : int, default=40
        Epochs: passes over the liked pairs.
    negatives : {"unobserved", "weaker"}, default="unobserved"
        What may be drawn: items the user has not interacted with, or also those she has interacted with less.
    regularization : float, default=4.0
        L2 penalty of vectors and biases, in the unit of :class:`WARPRecommender` with
        :math:`w_1 = 1 / (2 \sqrt{n_{items}})`: the weight of a first step is 1/2, and the more items there are, the
        fewer of those drawn are near the top of the user's list.
    user_regularization, item_regularization : float, default=None
        Replace `regularization` for one side.
    feature_regularization : float, default=None
        L2 penalty of the embeddings of side features; None is that of their side.
    average : bool, default=True
        Whether factors and biases are averages over the epochs, as in :class:`WARPRecommender`.
    tol : float, default=0.0
        Stop once an epoch lowers the loss by less than this share; with `early_stopping`, the
        improvement of the validation score that counts. 0 runs all epochs.
    user_encoder, item_encoder : SideFeatureEncoder, default=None
        Encode side features; None is ``SideFeatureEncoder()``.
    early_stopping, validation_fraction, n_iter_no_change, scoring
        As in :class:`WARPRecommender`.
    warm_start : bool, default=False
        Start a fit from the embeddings of the last one.
    engine : {"native", "implicit", "lightfm"}, default="native"
        What computes, from the same initial embeddings; the others need the extra [engines]. "lightfm" has no
        `feature_regularization`, and a rate for each parameter instead of each embedding. "implicit" has a constant
        `learning_rate`, one regularization for both sides, and none of strengths, side features and `partial_fit`.
        Neither has ``negatives="weaker"``.
    random_state, n_jobs, verbose
        As in :class:`WARPRecommender`.

    Attributes
    ----------
    users_, items_, user_factors_, item_factors_, item_biases_, loss_curve_, n_iter_
        As in :class:`WARPRecommender`, with the others found there.

    See Also
    --------
    WARPRecommender : Looks for violations, and so does better near the top of the list.

    Notes
    -----
    Time per epoch: O(n_pairs * K), with features O(values K) more. They are learnt as those of
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

    def _loss(self, n_items: int) -> Loss:
        by_popularity = {"auto": self.engine != "native", "uniform": False, "popularity": True}
        return Loss(self.learning_rate, 0.0, None, by_popularity[self.negative_sampling], self.negatives == "weaker")
