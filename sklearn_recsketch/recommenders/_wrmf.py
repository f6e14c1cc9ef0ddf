"""Weighted matrix factorization for implicit feedback (WRMF)."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.kernels._als import solve_rows
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.recommenders._als.confidences import ConfidenceError
from sklearn_recsketch.recommenders._als.fold_in import FoldIn
from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._als.trainer import ALSTrainer
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import FactorRecommender, TrainingProblem, fill_with_draws
from sklearn_recsketch.recommenders._training import Trainer
from sklearn_recsketch.typing import RandomState, Scoring
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._threads import Workers, workers

__all__ = ["WRMFRecommender"]

INITIAL_SCALE = 0.1  # root mean square norm of the initial vectors


class WRMFRecommender(FactorRecommender):
    r"""Weighted matrix factorization for implicit feedback, by alternating least squares (ALS).

    The preference of user u for item i is :math:`p_{ui} = [d_{ui} > 0]`, where :math:`d_{ui}` is the total strength of
    their interactions. The confidence of this preference is :math:`c_{ui} = 1 + \alpha\, t(d_{ui})`. The model
    minimizes

    .. math:: L = \sum_{u,i} c_{ui} (p_{ui} - x_u \cdot y_i)^2
              + \sum_u \lambda_u |x_u|^2 + \sum_i \lambda_i |y_i|^2

    The first sum runs over *all* pairs of users and items, not only over pairs with interactions. Users and items
    without any interactions are left out. :math:`x_u` is a row of `user_factors_` and :math:`y_i` is a row of
    `item_factors_`. With side features, the vectors are :math:`x = F W`, where W holds the feature embeddings and F
    holds the features of each id. These features include an identity feature for each id. The penalty then applies to
    W.

    Parameters
    ----------
    n_components : int, default=256
        Number of components of the vectors. More components improve the ranking on most data, but make training slower.
    alpha : "auto" or float, default="auto"
        Weight of an interaction with :math:`t(d) = 1` relative to a pair without an interaction. Larger values fit the
        interactions more closely. Try values from 1 to 100. "auto" sets the mean of :math:`\alpha\, t(d)` over the
        interactions to :math:`1.4 / \sqrt{p}`, where p is the fraction of pairs that have an interaction.
        ``alpha * t(d)`` must be below 2**24 for every pair, because float32 cannot represent the confidence beyond this
        limit.
    confidence : {"auto", "linear", "log", "scaled_log"}, default="auto"
        Transform t of the strengths:

        - "linear": ``d``.
        - "log": ``log(1 + d)``.
        - "scaled_log": ``1 + log(d / s)``, where s is the smallest strength in fit. Strengths below s can only occur in
          `partial_fit` and in histories, and are transformed to ``d / s``. The result does not depend on the unit of
          the strengths, and large strengths have little influence.
        - "auto": "scaled_log" if `alpha` is "auto", else "linear" as in [1]_.
    regularization : "auto" or float, default="auto"
        Penalty :math:`\lambda` of users and items. Larger values shrink the vectors more. Try values from 0.1 to 100.
        "auto" computes one value for users and one value for items; see Notes.
    user_regularization : "auto" or float, default=None
        Penalty of users. If None, the value of `regularization` is used.
    item_regularization : "auto" or float, default=None
        Penalty of items. If None, the value of `regularization` is used.
    regularization_scaling : "auto", "popularity" or float, default="auto"
        How the penalty of a user or item depends on its interactions:

        - float s: :math:`\lambda_u = \lambda (w_u / \bar w)^s` with :math:`w_u = \sum_i c_{ui}`, and likewise for
          items. The penalty of side features is not scaled. With a value of 0, the objective is the same as in [1]_.
        - "popularity": :math:`\lambda_i = \lambda \sqrt{t_i / \bar t}` for items, with :math:`t_i = \sum_u t(d_{ui})`,
          and :math:`\lambda_u = \lambda` for users.
        - "auto": "popularity" if the penalty of items is "auto" and the engine is "native", else 0.
    feature_regularization : float, default=None
        Penalty of the feature embeddings. If None, the penalty of users applies to user features, and the penalty of
        items applies to item features. With ``regularization_scaling="popularity"``, this penalty is multiplied by a
        factor that grows with the interactions of each feature; see Notes.
    solver : {"auto", "cg", "cholesky"}, default="auto"
        Solver for the vectors of one side:

        - "cg": two conjugate gradient steps [2]_, starting from the previous solution.
        - "cholesky": exact solution, with a relative residual of 1e-6.
        - "auto": as many conjugate gradient steps as each vector needs. The loss of the vector must be within 3e-5 of
          its minimum, or within 1e-3 of its minimum and twenty times closer than before. This solver is as fast as "cg"
          on interactions without strengths, and its solutions are close to the "cholesky" solutions for all strengths.

        With "cholesky", the feature embeddings are solved exactly. With the other solvers, the feature embeddings take
        one step per iteration and side, or three steps if there are no identity features.
    max_iter : int, default=15
        Maximum number of iterations. Each iteration solves for all users and then for all items.
    tol : float, default=0.0
        Training stops when an iteration lowers L by less than this fraction of L. If 0, all iterations are run. With
        `early_stopping=True`, `tol` is instead the smallest increase of the validation score that counts as an
        improvement.
    user_encoder : SideFeatureEncoder, default=None
        Encoder of user features. If None, ``SideFeatureEncoder()`` is used.
    item_encoder : SideFeatureEncoder, default=None
        Encoder of item features. If None, ``SideFeatureEncoder()`` is used. Set its `feature_weight` above 1 to let the
        features count more, and below 1 to let them count less.
    early_stopping : bool, default=False
        Whether to stop training when the validation score has not improved for `n_iter_no_change` iterations. The
        vectors of the best iteration are kept.
    validation_fraction : float, default=0.1
        Fraction of each user's items to hold out for validation. Only used if `early_stopping=True` and `X_val` is not
        passed to fit.
    n_iter_no_change : int, default=3
        Number of iterations without improvement after which training stops. Only used if `early_stopping=True`.
    scoring : str or callable, default=None
        Validation score: a name such as "ndcg@10", or a scorer. If None, "precision@5" is used. Only used if
        `early_stopping=True`.
    warm_start : bool, default=False
        Whether `fit` starts from the vectors of the previous fit.
    engine : {"native", "implicit"}, default="native"
        Library that trains the model. "implicit" requires the [engines] extra, and minimizes the same L. It uses its
        Cholesky solver if ``solver="cholesky"``, and three steps of its conjugate gradient solver otherwise. It
        supports neither side features nor `regularization_scaling`.
    random_state : int, RandomState instance or None, default=None
        Seed for the initial vectors and the validation split.
    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :func:`joblib.parallel_config` context, and -1 means all cores. The
        result is the same for any number of threads.
    verbose : int, default=0
        If positive, print the loss of each iteration.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    user_factors_, item_factors_ : ndarray of shape (n_users or n_items, n_components), dtype float32
        Vectors of users and items, in the order of the ids.
    user_embeddings_, item_embeddings_ : ndarray of shape (n_features, n_components), dtype float32
        One embedding for each output column of the encoders. Without side features, the embeddings are the vectors.
    user_features_, item_features_ : SideFeatures or None
        Side features passed to fit, in the order of the ids.
    user_encoder_, item_encoder_ : SideFeatureEncoder or None
        Fitted encoders.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions.
    alpha_, user_regularization_, item_regularization_ : float
        Values of the parameters. If a parameter is "auto", its value is computed from the interactions in `fit`, and
        `partial_fit` keeps this value.
    strength_scale_ : float
        Scale s of the transform "scaled_log". It is 1 for other transforms.
    loss_curve_ : ndarray of shape (n_iterations,)
        Value of L after each iteration.
    n_iter_ : int
        Number of iterations that were run to obtain the vectors.
    validation_scores_ : ndarray
        Validation score after each iteration. Only defined if `early_stopping=True`.
    diverged_ : bool
        Whether training diverged. If so, the last finite vectors are kept.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    See Also
    --------
    WARPRecommender : Learns to rank positive items above other items.

    Notes
    -----
    The automatic penalties are a fixed fraction of the penalty that would suppress all noise. Near zero, a component
    with unit vectors a and b lowers L only if :math:`(1 + \alpha)\, a^T P b > \sqrt{\lambda_u \lambda_i}`, where P is
    the matrix of preferences. The penalties therefore shrink the singular values of P [6]_. The singular values of a
    random matrix with the same number of interactions hardly exceed :math:`\sqrt{n_u} + \sqrt{n_i}`, where :math:`n_u`
    is the mean number of interactions of a user and :math:`n_i` is the mean number of interactions of an item [7]_.
    With the mean excess confidence :math:`\bar e` of an interaction, the automatic penalties are given by

    .. math:: \sqrt{\lambda_u \lambda_i} = 0.3\,(1 + \bar e)\,(\sqrt{n_u} + \sqrt{n_i}), \qquad
              \lambda_u / \lambda_i = \bar w_u / \bar w_i.

    The scores depend only on the product of the two penalties. The noise in an item's column grows with the square root
    of its number of users. With ``regularization_scaling="popularity"``, the penalty of the item grows in the same way.
    An item with features that is folded in from `item_history` has a penalty of at least :math:`3 \lambda`, because
    most users have not seen it yet, so that its features say more about it. Item feature k has the penalty
    :math:`5 \lambda \sqrt{t_k / \bar t}` with :math:`t_k = \sum_i f_{ik}^2 t_i`, and likewise for user features. The
    automatic penalties are computed in one pass over the strengths. The constants in their formulas were chosen on nine
    public data sets. On each data set, the ranking quality with these constants is within 6 percent of the best quality
    found for that data set.

    An iteration rotates the fixed side into the eigenbasis of its Gram matrix, :math:`Y^T Y = Q V Q^T`. In this basis,
    a row x is the solution of :math:`(V + \lambda_u + Y_u^T E Y_u) x = Y_u^T (1 + e)` with the excess confidences
    :math:`e = c - 1`. Conjugate gradient is preconditioned by the diagonal matrix :math:`V + \lambda_u`. Its steps
    require no product with the Gram matrix, and separate penalties for each row come at no extra cost. All eigenvalues
    of the preconditioned matrix are at least 1. With "cholesky", Gram matrices are computed in float64. The rotations
    are computed in float64 as well if the largest eigenvalue is more than 1e4 times the smallest eigenvalue. Items
    without interactions do not take part in L.

    A row with features f is :math:`x = a z + f W`, where z is its identity embedding and a is the weight of z. Its
    penalty is :math:`\lambda |z|^2 = (\lambda / a^2) |x - f W|^2`. The row is solved as it would be without features,
    but it is shrunk towards :math:`f W` instead of 0. Then W takes one step along the preconditioned gradient. The
    length of this step is chosen to lower L as much as possible. The same objective can be written in terms of z and W,
    but a few steps in z and W make far less progress. "cholesky" solves for x and W jointly by matrix-free
    preconditioned conjugate gradient [4]_ [5]_, with a relative residual of 1e-6 for the whole system. Without identity
    features, it solves for W alone.

    An iteration takes O(n_interactions K + (n_users + n_items) K^2) time. Side features add O(n_values K) time to each
    iteration. Training takes three times the memory of the vectors and twice the memory of the interactions. With side
    features, it takes five times the memory of the vectors.

    References
    ----------
    .. [1] Y. Hu, Y. Koren, C. Volinsky. Collaborative filtering for implicit feedback datasets.
       ICDM 2008. https://doi.org/10.1109/ICDM.2008.22
    .. [2] G. Takács, I. Pilászy, D. Tikk. Applications of the conjugate gradient method for implicit
       feedback collaborative filtering. RecSys 2011. https://doi.org/10.1145/2043932.2043987
    .. [3] S. Rendle, W. Krichene, L. Zhang, Y. Koren. Revisiting the performance of iALS on item
       recommendation benchmarks. RecSys 2022. https://doi.org/10.1145/3523227.3548486
    .. [4] H.-F. Yu, H.-Y. Huang, I. S. Dhillon, C.-J. Lin. A unified algorithm for one-class structured
       matrix factorization with side information. AAAI 2017. https://doi.org/10.1609/aaai.v31i1.10863
    .. [5] B. Yuan, Y.-S. Li, P. Quan, C.-J. Lin. Efficient optimization methods for extreme similarity learning with
       nonlinear embeddings. KDD 2021. https://doi.org/10.1145/3447548.3467363
    .. [6] R. Mazumder, T. Hastie, R. Tibshirani. Spectral regularization algorithms for learning large incomplete
       matrices. JMLR 11, 2010. https://www.jmlr.org/papers/v11/mazumder10a.html
    .. [7] Z. D. Bai, Y. Q. Yin. Limit of the smallest eigenvalue of a large dimensional sample covariance matrix.
       Annals of Probability 21, 1993. https://doi.org/10.1214/aop/1176989118

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> X, y = make_interactions(n_users=200, n_items=100, random_state=0)
    >>> rec = WRMFRecommender(n_components=8, random_state=0).fit(X, y)
    >>> table = rec.recommend(rec.users_[:2], k=3)
    >>> table.columns.tolist(), len(table)
    (['user', 'rank', 'item', 'score'], 6)
    """

    _parameter_constraints: dict[str, Any] = {
        **FactorRecommender._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "confidence": [StrOptions({"auto", "linear", "log", "scaled_log"})],
        "engine": [StrOptions({"native", "implicit"})],
        "regularization": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "user_regularization": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"}), None],
        "item_regularization": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"}), None],
        "regularization_scaling": [Interval(Real, 0, None, closed="left"), StrOptions({"auto", "popularity"})],
        "solver": [StrOptions({"auto", "cg", "cholesky"})],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        alpha: float | str = "auto",
        confidence: str = "auto",
        regularization: float | str = "auto",
        user_regularization: float | str | None = None,
        item_regularization: float | str | None = None,
        regularization_scaling: float | str = "auto",
        feature_regularization: float | None = None,
        solver: str = "auto",
        max_iter: int = 15,
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
        self.alpha = alpha
        self.confidence = confidence
        self.regularization = regularization
        self.user_regularization = user_regularization
        self.item_regularization = item_regularization
        self.regularization_scaling = regularization_scaling
        self.feature_regularization = feature_regularization
        self.solver = solver
        self.max_iter = max_iter
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

    _kernel = solve_rows

    def _initial(self, entities: Entities, random_state: np.random.RandomState) -> np.ndarray:
        K = self.n_components
        embeddings = np.zeros((entities.n_embeddings, K), dtype=np.float32)
        # Feature embeddings start at 0, so that the first iteration depends on the identities only.
        n = entities.n_identity or entities.n_embeddings
        fill_with_draws(
            lambda shape: random_state.standard_normal(shape) * (INITIAL_SCALE / np.sqrt(K)), embeddings[:n]
        )
        return embeddings

    def _trainer(self, problem: TrainingProblem, pool: Workers, earlier: Objective | None = None) -> Trainer:
        trainer_class: Any = ALSTrainer
        if self.engine == "implicit":
            from sklearn_recsketch.recommenders._als.implicit_engine import ImplicitALSTrainer as trainer_class
        try:
            return trainer_class(self, Objective.of(self, problem.matrix, earlier), problem, pool)
        except ConfidenceError as error:
            users, items = (side.ids[side.active] for side in (problem.users, problem.items))
            raise error.of(users[error.row], items[error.column]) from None

    def _learned(self, sides: tuple[Entities, Entities], trainer: Any) -> dict[str, Any]:
        return super()._learned(sides, trainer) | trainer.objective.attributes()

    def _update(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> tuple[Trainer, float]:
        # New rows change the objective of all their users and items. One iteration over everything costs less than
        # finding them, and its result does not depend on how the rows were split into updates.
        trainer = self._trainer(problem, pool, None if problem.earlier is None else problem.earlier._objective)
        return trainer, trainer.run_epoch(0)

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        try:
            return super()._query_vectors(name, ids, codes, context)
        except ConfidenceError as error:
            others = self.items_ if name == "user" else self.users_
            raise error.of(*context.pair(name, ids, others, error.row, error.column)) from None

    def _fold_in(self, name: str, entities: Entities, prior: np.ndarray, history: sp.csr_array) -> np.ndarray:
        with workers(self.n_jobs) as pool:
            return FoldIn(self, name, entities, history).vectors(prior, pool)

    def _contributions(self, parts: np.ndarray, history: sp.csr_array, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute how much a user's interactions, and the parts of the prior, contribute to a score; see `FoldIn`."""
        with workers(self.n_jobs) as pool:
            return FoldIn(self, "user", self._side("user").entities, history).contributions(parts, y, pool)
