"""Fitted attributes that do not fit together are neither saved nor loaded."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import scipy.sparse as sp
from estimators import RECOMMENDERS, small
from forged_files import forge
from sklearn.base import clone

from sklearn_recsketch import ItemKNNRecommender, SideFeatureEncoder, SideFeatures, load_model, save_model
from sklearn_recsketch._persistence.fitted_attributes import RULES, attribute_problem
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.exceptions import ModelFileError

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
MODES = pytest.mark.parametrize("mmap_mode", [None, "r"])


def fitted(rec, tiny):
    X, y, item_features, _ = tiny
    return clone(rec).fit(X, y, item_features=item_features)


def ruled(model):
    """Names of the attributes with rules that are not None."""
    names = {name for cls, rules in RULES.items() if isinstance(model, cls) for name in rules if "[" not in name}
    return sorted(name for name in names if getattr(model, name) is not None)


def refused(model, tmp_path, monkeypatch, mmap_mode=None):
    """Whether a file with this model is refused. The check before saving is left out."""
    with monkeypatch.context() as patch:
        patch.setattr("sklearn_recsketch._persistence.object_codecs.attribute_problem", lambda model: None)
        save_model(model, tmp_path / "model.zip")
    try:
        load_model(tmp_path / "model.zip", mmap_mode=mmap_mode)
    except ModelFileError as error:
        return "the fitted attribute" in str(error)
    return False


def one_less(value):
    """The attribute without its last row."""
    if isinstance(value, SideFeatures):
        return SideFeatures.from_dicts({1: {"tag": ["a"]}})
    return value[np.arange(value.shape[0] - 1)]


@EVERY
def test_fitted_and_unfitted_models_have_no_problem(rec, tiny):
    assert attribute_problem(rec) is None
    assert attribute_problem(fitted(rec, tiny)) is None


@MODES
@EVERY
def test_an_attribute_with_a_row_less_is_refused(rec, mmap_mode, tiny, tmp_path, monkeypatch):
    for name in ruled(model := fitted(rec, tiny)):
        changed = copy.copy(model)
        setattr(changed, name, one_less(getattr(model, name)))
        assert refused(changed, tmp_path, monkeypatch, mmap_mode), name


@EVERY
def test_an_attribute_with_a_column_more_is_refused(rec, tiny, tmp_path, monkeypatch):
    for name in ruled(model := fitted(rec, tiny)):
        value, changed = getattr(model, name), copy.copy(model)
        if sp.issparse(value):
            setattr(
                changed, name, sp.csr_array((value.data, value.indices, value.indptr), (len(value.indptr) - 1, 999))
            )
        elif getattr(value, "ndim", 0) == 2:
            setattr(changed, name, np.hstack([value, value[:, :1]]))
        else:
            continue
        assert refused(changed, tmp_path, monkeypatch), name


@EVERY
def test_an_attribute_of_another_type_is_refused(rec, tiny, tmp_path, monkeypatch):
    for name in ruled(model := fitted(rec, tiny)):
        for value in (3, np.array(["a"]), np.zeros(getattr(getattr(model, name), "shape", 1), dtype=complex)):
            changed = copy.copy(model)
            setattr(changed, name, value)
            assert refused(changed, tmp_path, monkeypatch), (name, value)


@EVERY
def test_a_missing_attribute_is_refused(rec, tiny):
    for name in ruled(model := fitted(rec, tiny)):
        changed = copy.copy(model)
        delattr(changed, name)
        assert f"lacks the fitted attribute {name}" in attribute_problem(changed)


def test_the_state_of_training_belongs_to_the_embeddings(tiny, tmp_path, monkeypatch):
    for rec in small(RECOMMENDERS):
        model = fitted(rec, tiny)
        for side in getattr(model, "_training_state", {}):
            changed = copy.copy(model)
            changed._training_state = model._training_state | {side: model._training_state[side][1:]}
            assert refused(changed, tmp_path, monkeypatch), (rec, side)


@pytest.mark.parametrize("ids", [[2, 1], [1, 1], ["b", "a"], ["a", "a"], ["a", 1], ["a", None], [1, 2], [[1, 2]]])
def test_ids_are_integers_or_strings_in_ascending_order(ids, tiny):
    model = fitted(small(RECOMMENDERS)[-1], tiny)
    model.users_ = np.array(ids, dtype=object if ids == [1, 2] else None if type(ids[0]) is int else object)
    assert "users_ of PopularityRecommender does not hold sorted distinct ids" in attribute_problem(model)


def test_interactions_are_sorted_and_distinct(tiny):
    model = fitted(small(RECOMMENDERS)[-1], tiny)
    seen = model.interactions_
    model.interactions_ = sp.csr_array((seen.data, seen.indices[::-1].copy(), seen.indptr), shape=seen.shape)
    assert "interactions_ of PopularityRecommender has unsorted or repeated indices" in attribute_problem(model)


@MODES
def test_a_forged_width_of_a_sparse_matrix_is_refused(mmap_mode, tiny, tmp_path):
    path = tmp_path / "model.zip"
    save_model(fitted(ItemKNNRecommender(), tiny), path)
    forge(path, lambda document, members: document["model"]["state"]["item_weights_"].update(shape=[14, 500_000_001]))
    with pytest.raises(ModelFileError, match=r"item_weights_ of ItemKNN.* has the shape \(14, 500000001\), but items_"):
        load_model(path, mmap_mode=mmap_mode)


def test_a_model_that_could_not_be_loaded_is_not_saved(tiny, tmp_path):
    model = fitted(small(RECOMMENDERS)[0], tiny)
    model.item_factors_ = model.item_factors_.astype(np.float64)
    with pytest.raises(ValueError, match=r"cannot be saved, because .* item_factors_ .* dtype float64, not float32"):
        save_model(model, tmp_path / "model.zip")
    assert not (tmp_path / "model.zip").exists()


def test_an_encoder_with_missing_weights_is_refused(tiny):
    encoder = SideFeatureEncoder().fit(tiny[2])
    assert attribute_problem(encoder) is None
    encoder.idf_ = encoder.idf_[1:]
    assert "idf_ of SideFeatureEncoder has the shape" in attribute_problem(encoder)


class OwnRecommender(BaseRecommender):
    """A class of another package, with attributes whose names mean something else here."""

    def _learn(self, interactions):
        return {"item_weights_": np.zeros(3), "item_factors_": "none"}

    def _score_users(self, users, history):
        return np.zeros(history.shape, dtype=np.float32)


def test_other_classes_may_use_the_names_of_attributes(tiny, tmp_path):
    save_model(OwnRecommender().fit(tiny[0]), tmp_path / "model.zip")
    assert load_model(tmp_path / "model.zip", trusted=[OwnRecommender]).item_factors_ == "none"
