"""Values of parameters and attributes are the same after saving and loading."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from model_equality import assert_same_model
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils import Bunch

from sklearn_recsketch import PopularityRecommender, WRMFRecommender, load_model, save_model
from sklearn_recsketch.exceptions import ModelFileError
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import EpochCurveMonitor

ARRAY = np.arange(24, dtype=np.float32).reshape(4, 6)


class Holder(BaseEstimator):
    """Estimator of another package, with one parameter."""

    def __init__(self, value=None):
        self.value = value


class Recommender(PopularityRecommender):
    """Recommender of another package."""

    def __init__(self, decay=1.0):
        self.decay = decay


def again(value, tmp_path, **options):
    """A value after it was saved as an attribute and loaded."""
    holder = Holder()
    holder.value_ = value
    save_model(holder, tmp_path / "model.zip")
    return load_model(tmp_path / "model.zip", trusted=[Holder], **options).value_


VALUES = {
    "None": None,
    "plain": [True, 1, -(10**30), 0.1, -0.0, 5e-324, "", "a\0ü\U0001f600\n"],
    "not finite": [float("inf"), float("-inf"), float("nan")],
    "nested": {"a": [(), (1, [2.5, None])], 3: {"b": {}}, (1, "x"): [], None: False},
    "NumPy scalars": [np.float32(0.1), np.float64(1 / 3), np.int8(-5), np.uint64(2**64 - 1), np.bool_(True)],
    "other scalars": [np.str_("ü"), np.str_(""), np.datetime64("2026-05-01T10:00"), np.timedelta64(3, "D"), np.nan],
    "columns": np.asfortranarray(ARRAY),
    "part of an array": ARRAY[::2, 1:4],
    "reversed": ARRAY[0, ::-1],
    "scalar array": np.array(3.5),
    "empty": [np.zeros(0), np.zeros((0, 3), dtype=np.int32), np.zeros((2, 0)), np.array([], dtype=object)],
    "big endian": np.arange(5, dtype=">i4"),
    "uint64": np.array([0, 2**63, 2**64 - 1], dtype=np.uint64),
    "dtypes": [ARRAY.astype(t) for t in ("?", "u1", "i2", "f2", "f8", "c8", "M8[s]", "m8[ns]", "U3", "S2")],
    "strings": np.array(["b", "", "ü\U0001f600", None, "a\0"], dtype=object),
    "strings that are not UTF-8": np.array(["\ud800", "x"], dtype=object),
    "objects": np.array([[1, "a"], [2.5, None]], dtype=object),
    "sparse": [sp.random_array((7, 5), density=0.4, rng=0, format=f) for f in ("csr", "csc")],
    "sparse matrices": [sp.csr_matrix(ARRAY), sp.csc_matrix(ARRAY), sp.csr_array((3, 0)), sp.csr_array((0, 3))],
    "sparse, of booleans": sp.csr_array(ARRAY > 5),
    "random state": np.random.RandomState(3),
    "estimators": [Holder(Holder([1])), WRMFRecommender(8, random_state=np.random.RandomState(1))],
}


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("name", VALUES)
def test_values_are_the_same(name, mmap_mode, tmp_path):
    assert_same_model(again(VALUES[name], tmp_path, mmap_mode=mmap_mode), VALUES[name])


def test_the_memory_order_of_arrays_is_kept(tmp_path):
    assert again(np.asfortranarray(ARRAY), tmp_path).flags.f_contiguous


def test_the_dtype_of_sparse_indices_is_kept(tmp_path):
    matrix = sp.csr_array(ARRAY)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    assert_same_model(again(matrix, tmp_path), matrix)


@pytest.mark.parametrize("indices", [[0, 1, 2], [1, 0, 2], [1, 1, 2]], ids=["canonical", "unsorted", "repeated"])
def test_what_scipy_knows_about_a_matrix_is_kept(indices, tmp_path):
    matrix = sp.csr_array((np.ones(3), np.array(indices), np.array([0, 3])), shape=(1, 3))
    loaded = again(matrix, tmp_path)
    expected = matrix.copy()
    assert loaded._has_canonical_format == expected.has_canonical_format
    assert loaded._has_sorted_indices == expected.has_sorted_indices


def test_a_random_state_in_the_middle_of_a_pair_of_normal_draws_continues(tmp_path):
    state = np.random.RandomState(0)
    state.standard_normal()
    assert again(state, tmp_path).standard_normal(4).tolist() == state.standard_normal(4).tolist()


def test_objects_that_occur_twice_are_one_object(tmp_path):
    matrix, state, items = sp.csr_array(ARRAY), np.random.RandomState(0), [1]
    first, second = again([[ARRAY, matrix, state, items], [ARRAY, matrix, state, items]], tmp_path)
    assert all(one is other for one, other in zip(first, second))


def test_views_of_the_same_memory_share_memory(tmp_path):
    first, second = again([ARRAY, ARRAY.view()], tmp_path)
    assert first is not second
    assert np.shares_memory(first, second)


def test_metadata_requests_are_the_same(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        rec = WRMFRecommender().set_fit_request(user_features=False, item_features="tags")
    save_model(rec, tmp_path / "model.zip")
    loaded = load_model(tmp_path / "model.zip")
    assert repr(loaded.get_metadata_routing()) == repr(rec.get_metadata_routing())


# What cannot be saved.

REFUSED = {
    "function": (
        len,
        r"^Holder.value_ is <built-in function len>. .* scoring, for example, may be the name of a metric",
    ),
    "class": (float, "^Holder.value_ is <class 'float'>"),
    "object": (object(), "^Holder.value_ is an instance of builtins.object, which cannot be saved"),
    "nested": ({"a": [0, {1}]}, r"^Holder.value_\['a'\]\[1\] is an instance of builtins.set"),
    "subclass of dict": (Bunch(a=1), "^Holder.value_ is an instance of sklearn.utils._bunch.Bunch"),
    "structured": (np.zeros(2, dtype="i4,f4"), "^Holder.value_ is an instance of numpy.ndarray"),
    "masked": (np.ma.array([1, 2]), "^Holder.value_ is an instance of numpy.ma.*MaskedArray"),
    "COO": (sp.coo_array(ARRAY), "^Holder.value_ is an instance of scipy.sparse._coo.coo_array.* CSR or CSC"),
    "generator": (np.random.default_rng(0), "^Holder.value_ is an instance of numpy.random"),
    "other random state": (np.random.RandomState(np.random.PCG64(0)), "^Holder.value_ is an instance of numpy.random"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_values_are_refused_by_name(name, tmp_path):
    value, message = REFUSED[name]
    with pytest.raises(TypeError, match=message):
        again(value, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_contains_itself_is_refused(tmp_path):
    items = [1]
    items.append(items)
    with pytest.raises(TypeError, match=r"^Holder.value_\[1\] contains itself"):
        again(items, tmp_path)


def test_a_scorer_is_refused_by_the_name_of_its_parameter(tmp_path):
    rec = WRMFRecommender(scoring=make_ranking_scorer("ndcg@10"))
    with pytest.raises(TypeError, match=r"^WRMFRecommender.scoring is .*may be the name of a metric such as 'ndcg@10'"):
        save_model(rec, tmp_path / "model.zip")


def test_callbacks_are_refused_until_they_are_removed(tmp_path):
    rec = WRMFRecommender(4).set_callbacks(EpochCurveMonitor(["ndcg@5"], [[1, 2]]))
    with pytest.raises(TypeError, match=r"^WRMFRecommender has callbacks.*set_callbacks\(\)"):
        save_model(rec, tmp_path / "model.zip")
    rec.set_callbacks()
    save_model(rec, tmp_path / "model.zip")
    assert_same_model(load_model(tmp_path / "model.zip"), rec)


# Classes of other packages.


def test_a_class_of_another_package_is_loaded_only_if_it_is_trusted(tmp_path):
    rec = Recommender(decay=0.5).fit([[1, 2], [1, 3], [2, 3]])
    save_model(rec, tmp_path / "model.zip")
    with pytest.raises(
        ModelFileError, match=r"an instance of .*test_value_codecs.Recommender.*trusted=\[Recommender\]"
    ):
        load_model(tmp_path / "model.zip")
    loaded = load_model(tmp_path / "model.zip", trusted=[Recommender])
    assert_same_model(loaded, rec)
    assert loaded.recommend().equals(rec.recommend())


def test_a_class_that_was_moved_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(Recommender, "__module__", "__main__")  # as in a notebook
    save_model(Recommender(), tmp_path / "model.zip")
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=r"__main__.Recommender, but the trusted class is .*test_value_codecs"):
        load_model(tmp_path / "model.zip", trusted=[Recommender])


def test_a_trusted_class_of_scikit_learn_keeps_its_version(tmp_path):
    """scikit-learn warns if another version of it saved the estimator."""
    encoder = OrdinalEncoder().fit([[1], [2]])
    encoder.dtype = "float64"  # the default is a class
    save_model(encoder, tmp_path / "model.zip")
    loaded = load_model(tmp_path / "model.zip", trusted=[OrdinalEncoder])
    assert loaded.transform([[2]]).tolist() == [[1]]
    assert not hasattr(loaded, "_sklearn_version")


@pytest.mark.parametrize("trusted", [Recommender, "Recommender", 3, [3], [dict], [Recommender()]], ids=str)
def test_trusted_must_be_a_list_of_estimator_classes(trusted, tmp_path):
    with pytest.raises(TypeError, match="trusted must be a list of"):
        load_model(tmp_path / "model.zip", trusted=trusted)


def test_a_parameter_that_is_newer_than_the_file_gets_its_default(tmp_path, monkeypatch):
    save_model(Recommender(), tmp_path / "model.zip")

    def newer(self, decay=1.0, *, half_life=7):
        self.decay, self.half_life = decay, half_life

    monkeypatch.setattr(Recommender, "__init__", newer)
    assert load_model(tmp_path / "model.zip", trusted=[Recommender]).half_life == 7
