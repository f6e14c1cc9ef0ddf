"""Models that are saved and loaded are the same models, and continue their training alike."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, WITH_FACTORS, small
from model_equality import assert_same_model
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
    load_model,
    save_model,
)
from sklearn_recsketch.model_selection import UserHoldoutSplit

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
TRAINED = pytest.mark.parametrize("rec", small(WITH_FACTORS), ids=lambda rec: type(rec).__name__)
MODES = pytest.mark.parametrize("mmap_mode", [None, "r"])
IDS = {
    "int64": lambda n: np.arange(n, dtype=np.int64) - 3,
    "largest int64": lambda n: 2**63 - 1 - np.arange(n, dtype=np.int64),
    "strings": lambda n: np.array([f"Ærø {chr(0x1F600 + i)}{'語' * (i % 3)}" for i in range(n)], dtype=object),
}


def again(model, tmp_path, **options):
    """The model after it was saved and loaded."""
    save_model(model, tmp_path / "model.zip")
    return load_model(tmp_path / "model.zip", **options)


def table_of(model, X):
    """Recommendations of a model for known users and for a new one."""
    history = pd.DataFrame({"user": X["user"].iloc[:4], "item": X["item"].iloc[:4]})
    return pd.concat([model.recommend(k=3), model.recommend(k=3, history=history)])


# Round trips.


@MODES
@EVERY
def test_a_fitted_model_is_the_same(rec, mmap_mode, tiny, tmp_path):
    model = clone(rec).fit(*tiny[:2])
    loaded = again(model, tmp_path, mmap_mode=mmap_mode)
    assert_same_model(loaded, model)
    pd.testing.assert_frame_equal(table_of(loaded, tiny[0]), table_of(model, tiny[0]), check_exact=True)


@MODES
@EVERY
def test_a_model_with_side_features_is_the_same(rec, mmap_mode, tiny, tmp_path):
    X, y, item_features, user_features = tiny
    model = clone(rec)
    if "item_encoder" in model.get_params():
        model.set_params(item_encoder=SideFeatureEncoder(feature_weight=0.5, min_count=2))
    model.fit(X, y, item_features=item_features, user_features=user_features)
    assert_same_model(again(model, tmp_path, mmap_mode=mmap_mode), model)


@EVERY
def test_an_unfitted_model_is_the_same(rec, tmp_path):
    assert_same_model(again(rec, tmp_path), rec)


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_every_kind_are_the_same(kind, tmp_path):
    ids, rng = IDS[kind](30), np.random.RandomState(0)
    X = pd.DataFrame({"user": rng.choice(ids, 200), "item": rng.choice(ids, 200)})
    features = SideFeatures.from_dicts({id_: {"tag": ["ü", "b"][i % 2]} for i, id_ in enumerate(ids.tolist())})
    model = small([WRMFRecommender])[0].fit(X, item_features=features)
    loaded = again(model, tmp_path)
    assert_same_model(loaded, model)
    assert loaded.users_.dtype == (object if kind == "strings" else np.int64)


def test_a_model_of_polars_frames_still_returns_polars_frames(tiny, tmp_path):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    model = PopularityRecommender().fit(polars.from_pandas(tiny[0]))
    assert isinstance(again(model, tmp_path).recommend(), polars.DataFrame)


def test_a_pipeline_is_the_same(tiny, tmp_path):
    model = Pipeline([("k_core", InteractionThresholder(2, 2)), ("rec", small([WRMFRecommender])[0])])
    model.fit(*tiny[:2])
    assert_same_model(again(model, tmp_path), model)


def test_the_best_estimator_of_a_search_is_the_same(tiny, tmp_path):
    cv = UserHoldoutSplit(n_items=1, random_state=0)
    search = GridSearchCV(small([WRMFRecommender])[0], {"alpha": [1, 10]}, cv=cv).fit(*tiny[:2])
    assert_same_model(again(search.best_estimator_, tmp_path), search.best_estimator_)
    with pytest.raises(TypeError, match=r"is a search.*save_model\(search.best_estimator_, path\)"):
        save_model(search, tmp_path / "search.zip")
    with pytest.raises(TypeError, match=r"^Pipeline.steps\[0\]\[1\] is a search"):
        save_model(Pipeline([("search", search)]), tmp_path / "search.zip")
    assert not (tmp_path / "search.zip").exists()


@pytest.mark.parametrize("engine", ["implicit", "lightfm"])
def test_a_converted_model_is_the_same(engine, tmp_path):
    pytest.importorskip(engine, reason=f"{engine} is an optional dependency")
    model = converted(engine)
    assert_same_model(again(model, tmp_path), model)


def converted(engine):
    """A model that was trained with another library."""
    import scipy.sparse as sp

    from sklearn_recsketch.conversion import from_implicit, from_lightfm

    matrix = sp.csr_array((np.random.RandomState(0).random_sample((20, 15)) < 0.3).astype(np.float32))
    users, items = [f"u{i:02d}" for i in range(20)], [f"i{i:02d}" for i in range(15)]
    if engine == "implicit":
        from implicit.cpu.als import AlternatingLeastSquares

        with threadpool_limits(1, "blas"):  # the model warns if BLAS has several threads
            trained = AlternatingLeastSquares(factors=4, iterations=1, num_threads=1, random_state=0)
            trained.fit(sp.csr_matrix(matrix), show_progress=False)
        return from_implicit(trained, users, items, interactions=matrix)
    from lightfm import LightFM

    trained = LightFM(4, loss="warp", random_state=0).fit(sp.coo_matrix(matrix), epochs=1, num_threads=1)
    return from_lightfm(trained, users, items, interactions=matrix)


# Continued training.


@MODES
@TRAINED
def test_partial_fit_continues_as_if_the_model_had_not_been_saved(rec, mmap_mode, tiny, tmp_path):
    X, y, item_features, _ = tiny
    new = pd.DataFrame({"user": [X["user"].iloc[0], 999], "item": [X["item"].iloc[5], 998]})
    model = clone(rec).set_params(random_state=np.random.RandomState(5))
    model.fit(X, y, item_features=item_features)
    loaded = again(model, tmp_path, mmap_mode=mmap_mode)
    assert_same_model(loaded.partial_fit(new), model.partial_fit(new))


@MODES
def test_popularity_continues_as_if_the_model_had_not_been_saved(mmap_mode, tiny, tmp_path):
    model = PopularityRecommender().fit(*tiny[:2])
    loaded = again(model, tmp_path, mmap_mode=mmap_mode)
    assert_same_model(loaded.partial_fit(tiny[0][:5]), model.partial_fit(tiny[0][:5]))


@MODES
@TRAINED
def test_a_warm_start_continues_as_if_the_model_had_not_been_saved(rec, mmap_mode, tiny, tmp_path):
    X, y = tiny[:2]
    model = clone(rec).set_params(warm_start=True).fit(X, y)
    loaded = again(model, tmp_path, mmap_mode=mmap_mode)
    assert_same_model(loaded.fit(X[3:], y[3:]), model.fit(X[3:], y[3:]))


def test_training_in_batches_continues_as_if_the_model_had_not_been_saved(tiny, tmp_path):
    X, y = tiny[:2]
    model = small([WARPRecommender])[0].partial_fit(X[:40], y[:40])
    assert_same_model(again(model, tmp_path).partial_fit(X[40:], y[40:]), model.partial_fit(X[40:], y[40:]))


def test_partial_fit_of_a_mapped_model_leaves_the_file_alone(tiny, tmp_path):
    loaded = again(small([WRMFRecommender])[0].fit(*tiny[:2]), tmp_path, mmap_mode="r")
    before = (tmp_path / "model.zip").read_bytes()
    loaded.partial_fit(tiny[0][:5])
    assert (tmp_path / "model.zip").read_bytes() == before


# Shared attributes, memory and files.


@MODES
def test_attributes_that_are_one_array_are_stored_once_and_stay_one(mmap_mode, tiny, tmp_path):
    model = small([WRMFRecommender])[0].fit(*tiny[:2])
    loaded = again(model, tmp_path, mmap_mode=mmap_mode)
    assert loaded._trained_on is loaded.interactions_
    assert loaded.user_embeddings_ is loaded.user_factors_
    contents = (tmp_path / "model.zip").read_bytes()
    for array in (model.user_factors_, model.interactions_.indices):
        assert contents.count(array.tobytes()) == 1


def test_biases_that_share_memory_are_stored_once(tiny, tmp_path):
    loaded = again(small([WARPRecommender])[0].fit(*tiny[:2]), tmp_path)
    assert np.shares_memory(loaded.item_biases_, loaded.item_feature_biases_)


def test_equal_models_give_equal_files(tiny, tmp_path):
    for name in ("one.zip", "other.zip"):
        save_model(small([WARPRecommender])[0].fit(*tiny[:2]), tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_saving_copies_no_array(tmp_path, tiny):
    import tracemalloc

    model = small([WRMFRecommender])[0].fit(*tiny[:2])
    model.user_factors_ = np.zeros((2**22, 4), dtype=np.float32)  # 64 MiB
    tracemalloc.start()
    save_model(model, tmp_path / "model.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_a_failed_save_leaves_the_old_file_and_no_other(tiny, tmp_path):
    model = PopularityRecommender().fit(tiny[0])
    save_model(model, tmp_path / "model.zip")
    before = (tmp_path / "model.zip").read_bytes()
    model.odd_ = object()
    with pytest.raises(TypeError, match=r"^PopularityRecommender.odd_ is an instance of builtins.object"):
        save_model(model, tmp_path / "model.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["model.zip"]
    assert (tmp_path / "model.zip").read_bytes() == before


def test_paths_that_cannot_be_used_are_explained(tmp_path):
    rec = PopularityRecommender()
    with pytest.raises(IsADirectoryError, match="is a folder, but a model is a single file"):
        save_model(rec, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'.*nowhere' does not exist\. Create it"):
        save_model(rec, tmp_path / "nowhere" / "model.zip")
    with pytest.raises(IsADirectoryError, match="is a folder, but a model is a single file"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        load_model(tmp_path / "no-such-file")


def test_a_file_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(PermissionError, match=r"model\.zip' cannot be written: Permission denied\."):
        save_model(PopularityRecommender(), tmp_path / "model.zip")


@pytest.mark.parametrize("rec", [None, "model", PopularityRecommender, np.zeros(3)], ids=str)
def test_only_estimators_are_saved(rec, tmp_path):
    with pytest.raises(TypeError, match="rec must be an estimator"):
        save_model(rec, tmp_path / "model.zip")


@pytest.mark.parametrize("mode", ["r+", "w+", "c", True])
def test_a_mode_that_would_change_the_file_is_refused(mode, tmp_path):
    with pytest.raises(ValueError, match="mmap_mode must be None or 'r'"):
        load_model(tmp_path / "model.zip", mmap_mode=mode)


def test_loading_imports_nothing(tiny, tmp_path):
    save_model(PopularityRecommender().fit(tiny[0]), tmp_path / "model.zip")
    before = set(sys.modules)
    load_model(tmp_path / "model.zip")
    assert set(sys.modules) == before
