"""Files that released versions wrote are still loaded. tests/helpers/released_models.py adds those of a new version."""

from __future__ import annotations

import json

import numpy as np
import pytest
from released_models import FOLDER, interactions, recommendations, released_models

import sklearn_recsketch
from sklearn_recsketch import load_model

FILES = sorted(FOLDER.glob("*/*.zip"))
# scikit-learn warns that another of its versions saved a Pipeline.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_released_file_gives_the_recommendations_stored_beside_it(path, mmap_mode):
    model = load_model(path, mmap_mode=mmap_mode)
    expected, found = json.loads(path.with_suffix(".json").read_text()), recommendations(model)
    if expected is None:
        assert found is None
        return
    assert [found[name] for name in ("user", "item", "rank")] == [expected[name] for name in ("user", "item", "rank")]
    # Sums of two products in float32, which processors may round differently.
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-5)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "unfitted"], ids=lambda path: path.stem)
def test_a_released_file_can_be_trained_further(path):
    model = load_model(path)
    rec = model[-1] if hasattr(model, "steps") else model
    X = interactions(strings=isinstance(rec.users_[0], str))
    assert np.isfinite(rec.partial_fit(X[:5]).predict(X)).all()


def test_every_kind_of_model_has_a_file_of_this_version():
    version = sklearn_recsketch.__version__.partition(".dev")[0]
    folder = FOLDER / version
    if not folder.exists():
        pytest.skip(f"the files of {version} are added when it is released")
    assert {path.stem for path in folder.glob("*.zip")} == set(released_models())


def test_files_are_small():
    assert max(path.stat().st_size for path in FILES) < 40_000
