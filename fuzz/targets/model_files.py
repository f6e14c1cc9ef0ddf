"""Files of saved models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fuzz.oracle import check
from fuzz.target import Target
from sklearn_recsketch import PopularityRecommender, WARPRecommender, WRMFRecommender, load_model, save_model
from sklearn_recsketch.datasets import make_interactions

__all__ = ["ModelFiles"]


class ModelFiles(Target):
    """`load_model`: a changed file is refused, or it is a model that recommends as before.

    The first byte of an input is the number of the model, and says whether arrays are mapped into memory.
    """

    name = "load_model"
    native = True
    tokens = [one.encode() for one in ('"sha256"', '"arrays"', '"crc32"', '"model"', "null", "[]", "<f4", "|O", "PK")]
    tokens += [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY", b"\0" * 8, b"\xff" * 8, b".npy", b"../"]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        X, y, features = make_interactions(20, 12, n_tags=4, return_features=True, random_state=0)
        models = [
            WRMFRecommender(3, max_iter=1, random_state=0).fit(X, y, item_features=features),
            WARPRecommender(3, max_iter=1, random_state=0).fit(X.astype(str), y),
            PopularityRecommender().fit(X, y),
        ]
        self._answers = [self._answer(model) for model in models]
        self._contents = []
        for number, model in enumerate(models):
            save_model(model, folder / f"{number}.model")
            self._contents.append((folder / f"{number}.model").read_bytes())

    def seeds(self) -> list[bytes]:
        return [bytes([2 * number + mapped]) + one for number, one in enumerate(self._contents) for mapped in range(2)]

    def run(self, data: bytes) -> None:
        first = data[0] % (2 * len(self._answers)) if data else 0
        path = self.folder / "changed.model"
        path.unlink(missing_ok=True)  # the arrays of the model before may be mapped
        path.write_bytes(data[1:])
        model = load_model(path, mmap_mode="r" if first % 2 else None)
        check(self._answer(model) in self._answers, f"another model: {model}")

    def check_error(self, data: bytes, error: Exception) -> None:
        check("changed.model" in str(error), f"the error does not name the file: {error}")

    @staticmethod
    def _answer(model: Any) -> Any:
        return repr(model), model.recommend(k=4).to_csv(), model.users_.tolist(), model.items_.tolist()
