"""Weighted regularized matrix factorization."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.kernels._als import solve_rows
from sklearn_recsketch.recommenders._als.confidences import ConfidenceError
from sklearn_recsketch.recommenders._als.fold_in import FoldIn
from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._als.trainer import ALSTrainer
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import FactorRecommender, TrainingProblem, fill_with_draws
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._threads import Workers, workers

__all__ = ["WRMFRecommender"]

INITIAL_SCALE = 0.1  # standard deviation of an initial vector's length


class WRMFRecommender(FactorRecommender):
    r"""Weighted regularized matrix factorization by alternating least squares.

    With the preference :math:`p_{ui} = [d_{ui} > 0]` of user u for item i, d the summed strength, and
    the confidence :math:`c_{ui} = 1 + \alpha\, t(d_{ui})`, it minimizes

    .. math:: L = \sum_{u,i} c_{ui} (p_{ui} - x_u \cdot y_i)^2
              + \sum_u \lambda_u |x_u|^2 + \sum_i \lambda_i |y_i|^2

    over *all* pairs of users and items that have interactions. :math:`x_u` is a row of
    `user_factors_`, :math:`y_i` one of `item_factors_`. With side features, :math:`x = F W` is the sum
    of the embeddings W of an entity's features, an identity column being one of them, and the penalty
    is on W.

    Parameters
    ----------
    n_components : int, default=256
        Length of the vectors.
    alpha : "auto" or float, default="auto"
        Weight of an interaction with :math:`t(d) = 1` over a pair without interaction. "auto" makes the mean of
        :math:`\alpha\, t(d)` over the interactions :math:`1.4 / \sqrt{p}`, where p is the share of pairs of users and
        items that have an interaction. ``alpha * t(d)`` must be below 2**24 for every pair: beyond, float32 cannot
        tell the confidence from its neighbours.
    confidence : {"auto", "linear", "log", "scaled_log"}, default="auto"
        The transform t of strengths:

        - "linear": ``d``.
        - "log": ``log(1 + d)``.
        - "scaled_log": ``1 + log(d / s)``, where s is the smallest strength in fit; ``d / s`` for smaller ones, which
          only `partial_fit` and histories can have. The unit of the strengths does not matter, nor does a heavy tail.
        - "auto": "scaled_log" if `alpha` is "auto", else "linear", the paper's formula.
    regularization : "auto" or float, default="auto"
        :math:`\lambda` of users and items. "auto" computes one for each side, see Notes.
    user_regularization, item_regularization : "auto" or float, default=None
        Replace `regularization` for one side.
    regularization_scaling : "auto", "popularity" or float, default="auto"
        How the penalty depends on the row. It scales the penalty of users' and items' own embeddings, not that of
        features.

        - float s: :math:`\lambda_u = \lambda (w_u / \bar w)^s`, where :math:`w_u = \sum_i c_{ui}`; items alike. 0 is
          the paper's objective.
        - "popularity": :math:`\lambda_i = \lambda \sqrt{t_i / \bar t}` for items, where
          :math:`t_i = \sum_u t(d_{ui})`, and :math:`\lambda_u = \lambda` for users.
        - "auto": "popularity" if the penalty of items is "auto" and the engine is "native", else 0.
    feature_regularization : float, default=None
        :math:`\lambda` of the embeddings of side features. None is that of their side or, with "popularity", a multiple
        of it by the interactions of each feature, see Notes.
    solver : {"auto", "cg", "cholesky"}, default="auto"
        "cg" takes two steps of conjugate gradient per row and half-sweep, from the last solution on.
        "cholesky" solves exactly: to a relative residual of 1e-6 in every row. "auto" gives each row the
        steps it needs to be within 3e-5 of its least loss, or within 1e-3 and twenty times nearer than it
        was: the time of "cg" on likes, nearly the loss of "cholesky" at any strength.
        Embeddings of side features get one step per half-sweep, three where there is no identity, unless solved
        exactly.
    max_iter : int, default=15
        Sweeps: one over users, one over items each.
    tol : float, default=0.0
        Stop once a sweep lowers L by less than this share; with `early_stopping`, the improvement of
        the validation score that counts. 0 runs all sweeps.
    user_encoder, item_encoder : SideFeatureEncoder, default=None
        Encode side features; None is ``SideFeatureEncoder()``.
    early_stopping : bool, default=False
        Stop when the validation score has not improved for `n_iter_no_change` sweeps, and keep the
        best sweep's factors.
    validation_fraction : float, default=0.1
        Share of each user's items held out for it, where fit gets no `X_val`.
    n_iter_no_change : int, default=3
        Its patience.
    scoring : str or callable, default=None
        Its score: a name such as "ndcg@10" or a scorer; None is "precision@5".
    warm_start : bool, default=False
        Start a fit from the factors of the last one.
    engine : {"native", "implicit"}, default="native"
        What computes. "implicit" minimises the same L with the solvers of implicit (extra [engines]): its Cholesky
        solver for "cholesky", else three steps of its conjugate gradient. It has neither side features nor
        `regularization_scaling`; what else is asked of the fitted recommender is computed here.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial factors and the validation rows.
    n_jobs : int, default=None
        Threads; None is 1 outside of a :func:`joblib.parallel_config`, -1 all cores. The result does
        not depend on it, to the bit.
    verbose : int, default=0
        Print the loss of each sweep.

    Attributes
    ----------
    users_, items_ : ndarray
        Known ids, sorted.
    user_factors_, item_factors_ : ndarray of shape (n_users or n_items, n_components), dtype float32
        Vectors, in the order of the ids.
    user_embeddings_, item_embeddings_ : ndarray of shape (n_features, n_components), dtype float32
        Embeddings of the encoders' columns; without side features the factors themselves.
    user_features_, item_features_ : SideFeatures or None
        Features in fit, aligned to the ids.
    user_encoder_, item_encoder_ : SideFeatureEncoder or None
        Fitted encoders.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths in fit.
    alpha_, user_regularization_, item_regularization_ : float
        The values used, computed where the parameter is "auto". `partial_fit` keeps what `fit` computed.
    strength_scale_ : float
        s of "scaled_log"; 1 for other transforms.
    loss_curve_ : ndarray of shape (n_sweeps,)
        L after each sweep.
    n_iter_ : int
        Sweeps behind the factors.
    validation_scores_ : ndarray
        Score after each sweep, with `early_stopping`.
    diverged_ : bool
        Whether training left the finite numbers; then the last finite factors were kept.
    n_features_in_ : int
        2, or 3 where X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X, where it was a frame.

    See Also
    --------
    WARPRecommender : Learns the order of items instead of preferences.

    Notes
    -----
    The automatic penalties are a fixed share of what keeps out noise. Near zero, a component with unit vectors a and b
    lowers L only if :math:`(1 + \alpha)\, a^T P b > \sqrt{\lambda_u \lambda_i}`, P being the matrix of preferences:
    the penalties subtract from the singular values of P [6]_. A random matrix with as many interactions has no singular
    values much beyond :math:`\sqrt{n_u} + \sqrt{n_i}`, with :math:`n_u` and :math:`n_i` the mean numbers of
    interactions of a user and of an item [7]_. So, with :math:`\bar e` the mean excess confidence of an interaction,

    .. math:: \sqrt{\lambda_u \lambda_i} = 0.3\,(1 + \bar e)\,(\sqrt{n_u} + \sqrt{n_i}), \qquad
              \lambda_u / \lambda_i = \bar w_u / \bar w_i.

    Only the product matters to the scores. As the noise in an item's column grows with the square root of its number
    of users, so does its penalty ("popularity"). Feature k of items has :math:`5 \lambda \sqrt{t_k / \bar t}` with
    :math:`t_k = \sum_i f_{ik}^2 t_i`; those of users alike. The rule takes one pass over the strengths. Its constants
    were chosen on nine public data sets; on each of them they are within 6 percent of the best that was tried for it.

    A half-sweep rotates the fixed side into the eigenbasis of its Gram matrix, :math:`Y^T Y = Q V Q^T`.
    There the problem of a row is :math:`(V + \lambda_u + Y_u^T E Y_u) x = Y_u^T (1 + e)`, e = c - 1, with a
    diagonal that is known: conjugate gradient, preconditioned by it, needs no Gram product per step, no
    eigenvalue is below 1, and a :math:`\lambda_u` of its own costs a row nothing. With "cholesky", Gram matrices
    are computed in float64, and the rotations where the eigenvalues spread by more than 1e4. Items known by
    their features only take no part in L.

    A row with an identity embedding z of weight a and features f, :math:`x = a z + f W`, has the penalty
    :math:`\lambda |z|^2 = (\lambda / a^2) |x - f W|^2`: it is solved as a row without features, but shrunk
    towards :math:`f W` instead of 0. Then W takes one step of preconditioned gradient towards the rows, as far as
    lowers L most. The objective is the same as in terms of z and W, where few steps get far less far. "cholesky"
    solves for x and W together, and rows without an identity for W alone, by matrix-free preconditioned conjugate
    gradient [4]_ [5]_, to a relative residual of 1e-6 of the whole system.

    Time per sweep: O(n_interactions K + (n_users + n_items) K^2) and, with features, O(values K);
    memory: three times the factors and twice the interactions; with features five times the vectors.

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

    def _initial(self, entities: Entities, name: str, random_state: np.random.RandomState) -> np.ndarray:
        K = self.n_components
        embeddings = np.zeros((entities.n_embeddings, K), dtype=np.float32)
        # Embeddings of features start at 0, so that the first sweep is that of the identities alone.
        n = entities.n_identity or entities.n_embeddings
        fill_with_draws(
            lambda shape: random_state.standard_normal(shape) * (INITIAL_SCALE / np.sqrt(K)), embeddings[:n]
        )
        return embeddings

    def _trainer(self, problem: TrainingProblem, pool: Workers, earlier: Objective | None = None) -> Any:
        sweeps: Any = ALSTrainer
        if self.engine == "implicit":
            from sklearn_recsketch.recommenders._als.implicit_engine import ImplicitALSTrainer as sweeps
        try:
            return sweeps(self, Objective.of(self, problem.matrix, earlier), problem, pool)
        except ConfidenceError as error:
            users, items = (side.ids[side.active] for side in (problem.users, problem.items))
            raise error.of(users[error.row], items[error.column]) from None

    def _learnt(self, sides: tuple[Entities, Entities], trainer: Any) -> dict[str, Any]:
        return super()._learnt(sides, trainer) | trainer.objective.attributes()

    def _update(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> tuple[Any, float]:
        # A day's rows change the objective of all users and items they touch: one sweep over all
        # costs less than telling them apart and keeps the result the same for any split into days.
        trainer = self._trainer(problem, pool, None if problem.earlier is None else problem.earlier._objective)
        return trainer, trainer.run_epoch(0)

    def _query_vectors(self, name: str, asked: IdColumn, codes: np.ndarray, given: QueryContext) -> np.ndarray:
        try:
            return super()._query_vectors(name, asked, codes, given)
        except ConfidenceError as error:
            others = self.items_ if name == "user" else self.users_
            raise error.of(*given.pair(name, asked, others, error.row, error.column)) from None

    def _fold_in(self, name: str, entities: Entities, drawn: np.ndarray, history: sp.csr_array) -> np.ndarray:
        with workers(self.n_jobs) as pool:
            return FoldIn(self, name, entities, history).vectors(drawn, pool)

    def _shares(self, drawn: np.ndarray, history: sp.csr_array, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each interaction of one user, and each part of what features say of her, adds to a score."""
        with workers(self.n_jobs) as pool:
            return FoldIn(self, "user", self._entities("user"), history).shares(drawn, y, pool)
