"""Encode side features as a sparse matrix."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.ids import encode_ids, lookup, show_id
from sklearn_recsketch._data.measurements import are_indicators, moments, rms_length, standardize
from sklearn_recsketch.preprocessing._side_features import SideFeatures, check_side_features
from sklearn_recsketch.utils._compat import Interval, StrOptions, _fit_context
from sklearn_recsketch.utils._doc_link import DocLinkMixin

__all__ = ["SideFeatureEncoder"]


def _refuse_shared_names(names: Any, separator: str) -> None:
    repeated = pd.Index(names, dtype=object).duplicated()
    if repeated.any():
        raise ValueError(
            f"Two columns are both named {names[int(np.argmax(repeated))]!r} with separator={separator!r}. "
            f"Choose a separator that does not occur in keys or values. With identity=True, no key can be 'id'."
        )


class SideFeatureEncoder(DocLinkMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Encode side features as a sparse matrix with an identity block and a block of weighted features.

    Row i of the matrix is ``[identity_weight * e_i, feature_weight * f_i]``, where ``e_i`` is the unit vector of id i
    and ``f_i`` is its feature vector. The categories of each id are weighted by their inverse document frequency and
    scaled to unit length, so that the tags of an item with forty tags have the same total influence as the tags of
    an item with two tags. Measurements are standardized and scaled separately, so that the category columns do not
    depend on the units or the number of measurements.

    Parameters
    ----------
    identity : bool, default=True
        Whether each id has its own column. If False, each id is represented only by its features.
    min_count : int, default=1
        Minimum number of ids that must have a feature. Rarer features are ignored.
    max_interactions : int, default=None
        Maximum number of interactions of an id for its features to be used. Ids with more interactions are represented
        only by their identity column. If None, features are used for all ids.
    idf : bool, default=True
        Whether to multiply categories by ``log((1 + n_ids) / (1 + count)) + 1``, as
        :class:`~sklearn.feature_extraction.text.TfidfTransformer` does. Measurements are not affected.
    norm : {"l1", "l2"} or None, default="l2"
        Norm that is used to scale the category vector of each id to unit length. Standardized measurements are divided
        by a common factor, so that the mean squared length of the measurement vectors is 1. If None, categories and
        measurements are not scaled.
    standardize : bool, default=True
        Whether to standardize measurements to zero mean and unit variance. The mean and the variance are computed over
        the ids that have the measurement. Missing measurements are replaced by the mean, and standardized values are
        clipped to the range from -5 to 5. Measurements that only have the values 0 and 1, for example after one-hot
        encoding, are not standardized. They are weighted like categories, and are scaled separately from the other
        categories. If False, measurements are not changed, and they are included in the norm of the categories. False
        is appropriate for tag weights such as word counts.
    feature_weight : float, default=1.0
        Factor by which the feature block is multiplied. If 0, features are not used. With a larger ratio of
        `feature_weight` to `identity_weight`, the learned vectors depend more on features and less on interactions,
        which benefits ids with few interactions. Tune this parameter first.
    identity_weight : float, default=1.0
        Factor by which the identity block is multiplied.
    separator : str, default="="
        Separator between the key and the value in column names, as in
        :class:`~sklearn.feature_extraction.DictVectorizer`.

    Attributes
    ----------
    ids_ : ndarray of shape (n_ids,)
        Ids seen during `fit`. The identity block has one column for each of them.
    feature_names_ : ndarray of str
        Names of the feature columns, for example "tag=tiltbrush".
    columns_ : ndarray of shape (n_features,)
        Positions of the feature columns in the matrix of the :class:`SideFeatures` passed to `fit`.
    idf_ : ndarray of shape (n_features,)
        Weight of each feature column.
    indicators_ : ndarray of shape (n_features,), dtype bool
        Mask of the features that are measurements with no values other than 0 and 1.
    standardized_ : ndarray of shape (n_features,), dtype bool
        Mask of the features that are standardized measurements.
    mean_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of each standardized measurement. For all other features, the mean is 0 and the
        standard deviation is 1. The scale of a constant measurement is infinite, so that its standardized values are
        0.
    measurement_length_ : float
        Factor by which standardized measurements are divided. It is the root mean square length of the
        measurement vectors, computed over the ids that have measurements. It is 1 if `norm` is None.

    Notes
    -----
    If all embeddings are penalized equally and the feature vector of each id has unit length, the variance of a learned
    vector is the sum of two parts. The identity part is proportional to ``identity_weight ** 2``, and the feature part
    is proportional to ``feature_weight ** 2``. In the benchmarks, adding features with both weights set to 1 never
    reduced the accuracy, even when the features were randomly shuffled among the ids.

    Time and memory are linear in the number of feature values. The output has one entry per feature value and one entry
    per id.

    Examples
    --------
    >>> from sklearn_recsketch import SideFeatureEncoder, SideFeatures
    >>> features = SideFeatures.from_dicts({"m1": {"tag": ["vr", "art"]}, "m2": {"tag": "art"}})
    >>> encoder = SideFeatureEncoder(idf=False)
    >>> encoder.fit_transform(features).toarray().round(2)
    array([[1.  , 0.  , 0.71, 0.71],
           [0.  , 1.  , 1.  , 0.  ]], dtype=float32)
    >>> encoder.get_feature_names_out().tolist()
    ['id=m1', 'id=m2', 'tag=art', 'tag=vr']

    Measurements are standardized:

    >>> years = SideFeatures.from_dicts({"m1": {"year": 1990}, "m2": {"year": 2010}, "m3": {"year": 2000}})
    >>> SideFeatureEncoder(identity=False).fit_transform(years).toarray().ravel().round(2)
    array([-1.22,  1.22,  0.  ], dtype=float32)
    """

    _parameter_constraints: dict[str, Any] = {
        "identity": ["boolean"],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_interactions": [Interval(Integral, 0, None, closed="left"), None],
        "idf": ["boolean"],
        "norm": [StrOptions({"l1", "l2"}), None],
        "standardize": ["boolean"],
        "feature_weight": [Interval(Real, 0, None, closed="left")],
        "identity_weight": [Interval(Real, 0, None, closed="neither")],
        "separator": [str],
    }

    def __init__(
        self,
        *,
        identity: bool = True,
        min_count: int = 1,
        max_interactions: int | None = None,
        idf: bool = True,
        norm: str | None = "l2",
        standardize: bool = True,
        feature_weight: float = 1.0,
        identity_weight: float = 1.0,
        separator: str = "=",
    ) -> None:
        self.identity = identity
        self.min_count = min_count
        self.max_interactions = max_interactions
        self.idf = idf
        self.norm = norm
        self.standardize = standardize
        self.feature_weight = feature_weight
        self.identity_weight = identity_weight
        self.separator = separator

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: SideFeatures, y: Any = None) -> SideFeatureEncoder:
        """Learn the ids, the feature columns and their weights.

        Parameters
        ----------
        X : SideFeatures
            Features to encode. If `identity=True`, each id of X gets an identity column.
        y : None
            Ignored.

        Returns
        -------
        self : SideFeatureEncoder
        """
        features = check_side_features(X, "features")
        matrix, names = features.matrix, features.feature_names(self.separator)
        _refuse_shared_names([*self._identity_names(features.ids), *names], self.separator)
        categorical = np.array([value is not None for value in features.values], dtype=bool)
        indicators = ~categorical & are_indicators(matrix) & self.standardize
        categorical |= indicators
        # An id with an indicator of 0 does not have the category.
        found = matrix.indices[(matrix.data != 0) | ~categorical[matrix.indices]]
        counts = np.bincount(found, minlength=len(names))
        used = np.flatnonzero(counts >= self.min_count)
        idf = np.ones(len(names))
        if self.idf:
            idf[categorical] = np.log((1 + len(features.ids)) / (1 + counts[categorical])) + 1
        self.ids_ = features.ids
        self.columns_ = used
        self.feature_names_ = names[used]
        self.idf_ = idf[used]
        self.indicators_ = indicators[used]
        self.standardized_ = ~categorical[used] & self.standardize
        self.mean_, self.scale_ = moments(matrix[:, used], self.standardized_)
        self.measurement_length_ = 1.0
        if self.norm is not None:
            rows, columns, values = self._entries(features)
            varies = self.standardized_[columns] & np.isfinite(self.scale_[columns])
            self.measurement_length_ = rms_length(rows[varies], values[varies])
        return self

    def _entries(self, features: SideFeatures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows, columns and weighted values of all features that were seen during `fit`, in row order."""
        names = features.feature_names(self.separator)
        _refuse_shared_names(names, self.separator)
        columns = np.asarray(pd.Index(self.feature_names_).get_indexer(pd.Index(names)))[features.matrix.indices]
        # An explicit 0 is the value of a measurement, but never of a category.
        measured = np.append(self.standardized_, False)[columns]
        kept = np.flatnonzero((columns >= 0) & ((features.matrix.data != 0) | measured))
        columns, values = columns[kept], features.matrix.data[kept].astype(np.float64)
        rows = np.repeat(np.arange(len(features.ids)), np.diff(features.matrix.indptr))[kept]
        values *= self.idf_[columns]
        measured = measured[kept]
        standardized = columns[measured]
        values[measured] = standardize(values[measured], self.mean_[standardized], self.scale_[standardized])
        too_large = np.abs(values) > np.finfo(np.float32).max
        if too_large.any():
            position = int(np.argmax(too_large))
            raise ValueError(
                f"{self.feature_names_[columns[position]]!r} of id {show_id(features.ids[rows[position]])} is "
                f"{show_id(values[position])}, but models use float32, whose largest number is 3.4e38. "
                f"Use standardize=True or change the unit."
            )
        return rows, columns, values

    def transform(self, X: SideFeatures, *, n_interactions: np.ndarray | None = None) -> sp.csr_array:
        """Encode features as a sparse matrix.

        Ids that were not seen during `fit` have an empty identity block. Features that were not seen during `fit` are
        ignored.

        Parameters
        ----------
        X : SideFeatures
            Features to encode.
        n_interactions : ndarray of shape (n_ids,), default=None
            Number of interactions of each id in X. Only used if `max_interactions` is not None. If None, the features
            of all ids are used.

        Returns
        -------
        csr_array of shape (n_ids, n_columns), dtype float32
        """
        check_is_fitted(self)
        features = check_side_features(X, "features")
        rows, columns, values = self._entries(features)
        if self.max_interactions is not None and n_interactions is not None:
            kept = np.flatnonzero(n_interactions[rows] <= self.max_interactions)
            rows, columns, values = rows[kept], columns[kept], values[kept]
        if self.norm is not None:
            self._normalize(rows, columns, values, len(features.ids))
        values *= self.feature_weight
        n_ids = len(features.ids)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_ids))])
        block = sp.csr_array((values, columns, indptr), shape=(n_ids, len(self.feature_names_)))
        # Without an identity block, an id whose measurements equal their means is represented by a stored 0.
        if self.identity or self.feature_weight == 0:
            block.eliminate_zeros()
        blocks = [self._identity_block(features.ids), block] if self.identity else [block]
        encoded = sp.csr_array(sp.hstack(blocks, format="csr", dtype=np.float32))
        encoded.sort_indices()
        return encoded

    def _normalize(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, n_rows: int) -> None:
        """Divide measurements by a common length, and scale each row's categories and indicators to unit length."""
        measured, power = self.standardized_[columns], 1 if self.norm == "l1" else 2
        block = 2 * rows + self.indicators_[columns]
        powers = np.where(measured, 0, np.abs(values) ** power)
        length = np.bincount(block, powers, 2 * n_rows) ** (1 / power)
        values /= np.where(measured, self.measurement_length_, length[block])

    def _keep_weights(self, earlier: SideFeatureEncoder) -> None:
        """Copy the feature weights of an earlier encoder, so that learned feature embeddings remain valid."""
        found = np.asarray(pd.Index(earlier.feature_names_).get_indexer(pd.Index(self.feature_names_)))
        # Measurements that were constant before have no useful embedding.
        shared = np.flatnonzero((found >= 0) & np.isfinite(np.append(earlier.scale_, np.inf)[found]))
        for name in ("idf_", "indicators_", "standardized_", "mean_", "scale_"):
            getattr(self, name)[shared] = getattr(earlier, name)[found[shared]]
        if (earlier.standardized_ & np.isfinite(earlier.scale_)).any():
            self.measurement_length_ = earlier.measurement_length_

    def fit_transform(
        self, X: SideFeatures, y: Any = None, *, n_interactions: np.ndarray | None = None
    ) -> sp.csr_array:
        """Fit the encoder to features, and encode the same features.

        The parameters are described in `fit` and `transform`.
        """
        return self.fit(X, y).transform(X, n_interactions=n_interactions)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the column names.

        The names have the form "id=<id>" in the identity block, and are followed by the feature names.
        """
        check_is_fitted(self)
        return np.array([*self._identity_names(self.ids_), *self.feature_names_], dtype=object)

    def _identity_names(self, ids: np.ndarray) -> list[str]:
        return [f"id{self.separator}{id_}" for id_ in ids] if self.identity else []

    def _identity_block(self, ids: np.ndarray) -> sp.csr_array:
        position = lookup(self.ids_, encode_ids(ids, "feature"), "feature")
        known = np.flatnonzero(position >= 0)
        return sp.csr_array(
            (np.full(len(known), self.identity_weight, np.float32), (known, position[known])),
            shape=(len(ids), len(self.ids_)),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags
