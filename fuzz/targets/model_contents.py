"""Files of saved models with changed contents and valid checksums."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fuzz.oracle import Finding, check
from fuzz.target import Choices, Target
from fuzz.targets.python_values import built, byte_seeds
from sklearn_recsketch import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
    load_model,
)
from sklearn_recsketch._persistence.known_classes import OWN
from sklearn_recsketch._persistence.model_container import write_container
from sklearn_recsketch._persistence.model_nodes import Encoder
from sklearn_recsketch._persistence.object_codecs import object_codecs
from sklearn_recsketch._persistence.value_codecs import VALUE_CODECS
from sklearn_recsketch.datasets import make_interactions

__all__ = ["ModelContents"]

CODECS = (*VALUE_CODECS, *object_codecs({}))
MOST_KB = 500_000  # memory that the models and their kernels do not need
DTYPES = ["<i4", "<i8", ">i4", "<u8", "<i2", "<f4", "<f8", ">f4", "<f2", "|b1", "<c8", "<U3", "|S2", "<M8[s]", "|u1"]
LARGE = [2**15, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**64, 10**30, -1, -(2**31), -(2**63)]
VALUES: list[Any] = [None, True, False, 0, 1, 2, 3, 7, *LARGE, 0.5, 1e-300, 1e300, "", "a", "\0", "u1", "<f4", [], {}]
VALUES += [[0], [[]], {"kind": "same", "id": 0}, {"kind": "list", "items": []}, {"kind": "float", "value": "nan"}]


class ModelContents(Target):
    """`load_model`: a file with other contents is refused, or the model answers or raises an error.

    An input chooses the model, the changes of its document and of its arrays, and the methods that are called.
    """

    name = "model_contents"
    native = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        X, y, features = make_interactions(9, 7, n_tags=3, return_features=True, random_state=0)
        texts = X.astype(str)
        self._models = [
            WRMFRecommender(2, max_iter=1, n_jobs=1, random_state=0).fit(X, y, item_features=features),
            WARPRecommender(2, max_iter=1, n_jobs=1, random_state=np.random.RandomState(0)).fit(texts, y),
            BPRRecommender(2, max_iter=1, n_jobs=1, random_state=0).fit(X, y, item_features=features),
            PopularityRecommender().fit(X, y),
            EASERecommender(n_jobs=1).fit(X, y),
            ItemKNNRecommender(3, n_jobs=1).fit(texts, y),
        ]
        self._encoded = []
        for model in self._models:
            encoder = Encoder(CODECS)
            self._encoded.append((encoder.encode(model, "model"), encoder.arrays))
        kinds = [codec.kind for codec in CODECS]
        self._texts = [*kinds, "same", *OWN, "csc_array", "csr_matrix", *DTYPES]

    def seeds(self) -> list[bytes]:
        return [bytes([number]) + one for number in range(2 * len(self._models)) for one in byte_seeds(4, 24)]

    def run(self, data: bytes) -> str | None:
        choices = Choices(data)
        number = choices.below(2 * len(self._models))
        original, (document, arrays) = self._models[number // 2], self._encoded[number // 2]
        root, changed = {"model": copy.deepcopy(document)}, dict(arrays)
        for _ in range(choices.pick([1, 1, 1, 2, 3])):
            if choices.below(2):
                self._change_node(root, choices, list(arrays))
            else:
                name = choices.pick(list(changed))
                changed[name] = built(lambda name=name: changed_array(changed[name], choices))
        path = self.folder / "changed.model"
        path.unlink(missing_ok=True)  # the arrays of the model before may be mapped
        with path.open("wb") as file:
            built(lambda: write_container(file, root.get("model"), changed))
        before = peak_kb()
        model = load_model(path, mmap_mode="r" if number % 2 else None)
        check(type(model).__name__ in {name.rpartition(".")[2] for name in OWN}, f"no estimator: {model!r}")
        place = used(model, original, choices)
        check(peak_kb() < before + MOST_KB, f"{peak_kb() - before} kB of memory for a file of {path.stat().st_size}")
        return place

    def check_error(self, data: bytes, error: Exception) -> None:
        check(type(error).__name__ == "ModelFileError", f"another error than ModelFileError: {error!r}")
        check("changed.model" in str(error), f"the error does not name the file: {error}")

    def _change_node(self, root: Any, choices: Choices, members: list[str]) -> None:
        """Change one value, key or entry of the document."""
        places = [*places_of(root)]
        if not places:
            return
        parent, key = places[two_bytes(choices) % len(places)]
        other_parent, other_key = places[two_bytes(choices) % len(places)]
        change = choices.below(9)
        if change == 0:
            parent[key] = choices.pick(VALUES)
        elif change == 1:
            parent[key] = choices.pick(self._texts)
        elif change == 2:
            parent[key] = choices.pick(members)
        elif change == 3:
            parent[key] = copy.deepcopy(other_parent[other_key])
        elif change == 4:
            parent[key], other_parent[other_key] = copy.deepcopy((other_parent[other_key], parent[key]))
        elif change == 5:
            del parent[key]
        elif change == 6 and isinstance(parent, dict):
            parent[choices.pick([*self._texts, "fit", "recommend", "__class__", "id"])] = parent.pop(key)
        elif change == 7:
            for _ in range(choices.pick([1, 2, 50, 400])):
                parent[key] = {"kind": choices.pick(["list", "tuple"]), "items": [parent[key]]}
        elif isinstance(parent[key], int | float):
            parent[key] += choices.pick([-1, 1, 0.5])
        elif isinstance(parent[key], dict):  # a reference to itself, or to another value
            parent[key]["id"] = choices.below(3)
            other_parent[other_key] = {"kind": "same", "id": choices.below(3)}


def two_bytes(choices: Choices) -> int:
    return 256 * choices.below(256) + choices.below(256)


def places_of(node: Any) -> Any:
    """Yield the container and the key of each value of a document."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        yield node, key
        yield from places_of(value)


def changed_array(array: np.ndarray, choices: Choices) -> np.ndarray:
    """Return an array with other values, or with another dtype, shape or memory order."""
    array = array.copy()
    flat = array.reshape(-1)
    place = two_bytes(choices) % max(1, len(flat))
    changes: list[Callable[[], np.ndarray]] = [
        lambda: array.astype(choices.pick(DTYPES)),
        lambda: array.view(choices.pick(DTYPES)),
        lambda: np.asfortranarray(array),
        lambda: array.T,
        lambda: flat,
        lambda: flat[:, None],
        lambda: array[..., None],
        lambda: array[: choices.below(len(array) + 1)],
        lambda: np.concatenate([array, array[: 1 + choices.below(4)]]),
        lambda: array[::-1],
        lambda: np.zeros((0, *array.shape[1:]), array.dtype),
        lambda: np.zeros((*array.shape[:-1], 0), array.dtype),
        lambda: np.full_like(array, choices.pick([0, 1, -1, 7, 1e30, np.nan, np.inf, 2**31 - 1])),
    ]
    change = choices.below(3 * len(changes))
    if change < len(changes):
        with np.errstate(all="ignore"):
            return np.asarray(changes[change]())
    with np.errstate(all="ignore"):
        flat[place] = choices.pick([0, 1, -1, 2, 7, 255, 2**15, 2**31 - 1, -(2**31), 2**63 - 1, 1e30, np.nan, -np.inf])
    return array


def used(model: Any, original: Any, choices: Choices) -> str | None:
    """Call methods of a loaded model. Return the place of the last error.

    A forged model may answer anything, and may raise any error of Python.
    """
    users, items = original.users_[:3], original.items_[:3]
    pairs = pd.DataFrame({"user": users, "item": items})
    calls: list[Callable[[], Any]] = [
        lambda: model.recommend(users, k=3),
        lambda: model.recommend(k=9, exclude_seen=False),
        lambda: model.predict(pairs),
        lambda: model.similar_items(items, k=3),
        lambda: model.recommend(users[:1], k=3, history={users[0]: list(items)}),
        lambda: model.partial_fit(pairs),
        lambda: model.score(pairs),
    ]
    first, place = choices.below(len(calls)), None
    if type(model) is type(original):  # values of parameters such as max_iter=10**9 are valid
        try:
            model.set_params(**original.get_params(deep=False))
        except Exception as error:
            return f"after loading: {place_of(error)}"
    for call in (calls[first], calls[first - 1]):
        try:
            call()
        except Exception as error:
            place = f"after loading: {place_of(error)}"
            if isinstance(error, MemoryError) or str(error) == "index is out of bounds":  # the latter is of numba
                raise Finding(f"a loaded model raises {error!r}") from error
    return place


def place_of(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def peak_kb() -> int:
    """Return the largest memory of this process so far, or 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
