"""Folders of saved indexes."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.oracle import check
from fuzz.target import Target
from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.serving import EmbeddingIndex, to_index

__all__ = ["IndexFolders"]

KINDS = [("exact", "items", "dot"), ("hnsw", "items", "dot"), ("exact", "users", "cosine"), ("hnsw", "users", "dot")]


class IndexFolders(Target):
    """`EmbeddingIndex.load`: a changed file is refused, or the index answers as before.

    An input is the number of an index, the number of a file, and the content of this file.
    """

    name = "index"
    native = True
    tokens = [
        one.encode() for one in ('"ids"', '"of": "users"', '"metric": "cosine"', '"kind": "exact"', "null", "[]", "1")
    ] + [
        b"\x93NUMPY",
        b"'<f4'",
        b"'<f8'",
        b"'|O'",
        b"(0,)",
        b"'fortran_order': True",
        b"\0" * 8,
        b"\xff" * 8,
        b"usearch",
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        X, y = make_interactions(30, 20, random_state=0)
        strings = X.astype(str)
        self._saved: list[Path] = []
        self._answers: list[Any] = []
        for number, (kind, of, metric) in enumerate(KINDS):
            recommender = WRMFRecommender(4, max_iter=2, random_state=0).fit(strings if number % 2 else X, y)
            index = to_index(recommender, kind, of=of, metric=metric)
            path = self.folder / str(number)
            index.save(path)
            self._saved.append(path)
            self._answers.append(self._answer(index))

    def seeds(self) -> list[bytes]:
        return [
            bytes([number, place]) + path.read_bytes()
            for number, folder in enumerate(self._saved)
            for place, path in enumerate(self._files(folder))
        ]

    def run(self, data: bytes) -> None:
        number = data[0] % len(KINDS) if data else 0
        files = self._files(self._saved[number])
        changed = files[data[1] % len(files) if len(data) > 1 else 0].name
        folder = self.folder / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._saved[number], folder)
        (folder / changed).write_bytes(data[2:])
        answer = self._answer(EmbeddingIndex.load(folder))
        check(answer == self._answers[number], f"another answer after a change of {changed}")

    def check_error(self, data: bytes, error: Exception) -> None:
        folder = str(self.folder / "changed")
        check(folder in str(error) or folder in str(getattr(error, "filename", "")), f"no path in the error: {error}")

    @staticmethod
    def _files(folder: Path) -> list[Path]:
        return sorted(folder.iterdir())

    @staticmethod
    def _answer(index: EmbeddingIndex) -> Any:
        buffer = io.BytesIO()
        np.save(
            buffer, index.search(index.vectors[:5, :4] if index.vectors.shape[1] == 4 else index.vectors[:5], k=3)[1]
        )
        if index.metric == "cosine":
            table = index.similar_users(index.ids, k=3)
        else:
            table = index.recommend(index._contents.query_ids, k=3) if index.of == "items" else None
        return buffer.getvalue(), None if table is None else table.to_csv(), index.ids.tolist()
