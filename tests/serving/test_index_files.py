"""Test the recall of indexes, saving and loading them, and the validation of their parameters."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from random_factors import random_vectors, recommender_of

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.serving import EmbeddingIndex, to_index

KINDS = ["exact", "hnsw"]


# Recall.


def test_exact_search_has_a_recall_of_one(wrmf):
    assert to_index(wrmf, "exact").recall(random_state=0) == 1


@pytest.mark.parametrize("seed", range(3))
def test_rounding_of_the_cosines_of_equal_vectors_does_not_lower_the_recall(seed):
    vectors = np.repeat(np.random.default_rng(seed).standard_normal((3, 7)), 30, axis=0)
    assert to_index(recommender_of(vectors, vectors), "exact", metric="cosine").recall(k=10) == 1


def test_recall_is_the_fraction_of_the_exact_neighbours_that_is_found(large):
    poor = to_index(large, connectivity=2, expansion_add=2, expansion_search=1)
    found = poor.recommend(large.users_)[["user", "item"]].merge(large.recommend()[["user", "item"]])
    assert poor.recall() == pytest.approx(len(found) / (10 * len(large.users_)))
    assert poor.recall() < 0.9


def test_recall_increases_with_expansion_search(graph, monkeypatch):
    recalls = []
    for candidates in (4, 32, 128):
        monkeypatch.setattr(graph, "expansion_search", candidates)
        recalls.append(graph.recall(random_state=0))
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[-1]


def test_any_of_several_equal_items_counts_as_found(monkeypatch):
    rng = np.random.default_rng(0)
    index = to_index(recommender_of(np.repeat(random_vectors(50, rng), 2, axis=0), random_vectors(20, rng)), "exact")
    top = index._searcher.top
    monkeypatch.setattr(index._searcher, "top", lambda *arguments: top(*arguments) ^ 1)  # the equal item of each pair
    assert index.recall(k=4) == 1


def test_recall_depends_on_the_sample_only(graph, monkeypatch):
    monkeypatch.setattr(graph, "expansion_search", 4)
    assert graph.recall(n_queries=30, random_state=3) == graph.recall(n_queries=30, random_state=3)


# Files.


def test_a_graph_cannot_be_pickled(graph):
    with pytest.raises(TypeError, match=r"cannot be pickled: use save\(folder\)"):
        pickle.dumps(graph)


def expected_of(index):
    return index.similar_items(index.ids) if index.metric == "cosine" else index.recommend(index._contents.query_ids)


@pytest.mark.parametrize("metric", ["dot", "cosine"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_index_gives_the_same_results(large, tmp_path, kind, metric):
    index = to_index(large, kind, metric=metric, **({"expansion_search": 3} if kind == "hnsw" else {}))
    index.save(tmp_path / "new" / "folder")
    loaded = EmbeddingIndex.load(tmp_path / "new" / "folder")
    assert repr(loaded) == repr(index)
    pd.testing.assert_frame_equal(expected_of(loaded), expected_of(index))


@pytest.mark.slow
def test_another_process_gives_the_same_results(graph, large, tmp_path):
    graph.save(tmp_path)
    code = f"""
from sklearn_recsketch.serving import EmbeddingIndex
index = EmbeddingIndex.load({str(tmp_path)!r})
print(index.recommend(range(300), k=5).to_json(double_precision=15))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    expected = graph.recommend(large.users_, k=5).to_json(double_precision=15)
    assert json.loads(process.stdout) == json.loads(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_string_ids_with_special_characters_can_be_saved(tmp_path, kind):
    names = ["a|b", "line\nbreak", "snow \u2603", "null\0", "x" * 1000, '"quoted"']
    X = pd.DataFrame([(f"u{u}\0", names[(u + i) % 6]) for u in range(6) for i in range(3)], columns=["user", "item"])
    index = to_index(WRMFRecommender(3, random_state=0).fit(X), kind)
    index.save(tmp_path)
    loaded = EmbeddingIndex.load(tmp_path)
    assert loaded.ids.tolist() == sorted(names)
    pd.testing.assert_frame_equal(loaded.recommend(["u3\0"]), index.recommend(["u3\0"]))


def test_an_index_of_users_can_be_saved(wrmf, tmp_path):
    index = to_index(wrmf, of="users")
    index.save(tmp_path)
    found = EmbeddingIndex.load(tmp_path).search(wrmf.item_factors_)[0]
    np.testing.assert_array_equal(found, index.search(wrmf.item_factors_)[0])


def test_loaded_arrays_are_memory_mapped(graph, tmp_path):
    graph.save(tmp_path)
    contents = EmbeddingIndex.load(tmp_path)._contents
    for array in (contents.vectors, contents.queries, contents.seen.indices, contents.seen.indptr):
        while array.base is not None and not isinstance(array, np.memmap):
            array = array.base
        assert isinstance(array, np.memmap)


def test_a_folder_with_files_is_not_overwritten(index, tmp_path):
    index.save(tmp_path)
    with pytest.raises(FileExistsError, match=r"is not empty\. Save each index to its own folder"):
        index.save(tmp_path)


def test_loading_a_folder_without_an_index_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not contain an index: the file index\.json is missing"):
        EmbeddingIndex.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change", [lambda data: data[:-2], lambda data: data.replace(data[-9:-8], b"~"), lambda _: b""]
)
def test_a_changed_file_is_rejected(wrmf, tmp_path, kind, change):
    to_index(wrmf, kind).save(tmp_path)
    for path in [*tmp_path.iterdir()]:
        data = path.read_bytes()
        path.write_bytes(change(data))
        with pytest.raises(ValueError, match=rf"{path.name}' is damaged: it differs from the file that was saved"):
            EmbeddingIndex.load(tmp_path)
        path.write_bytes(data)
    EmbeddingIndex.load(tmp_path)


def test_a_missing_file_is_named(wrmf, tmp_path):
    to_index(wrmf, "exact").save(tmp_path)
    (tmp_path / "vectors.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"vectors\.npy"):
        EmbeddingIndex.load(tmp_path)


def test_files_of_another_format_are_rejected(index, tmp_path):
    index.save(tmp_path)
    header = tmp_path / "index.json"
    header.write_text(header.read_text(encoding="utf-8").replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match="the format of another version; this version reads format 1"):
        EmbeddingIndex.load(tmp_path)


# Parameters.


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"kind": "ivf"}, "'kind' parameter of to_index must be a str among"),
        ({"of": "item"}, "'of' parameter of to_index must be a str among"),
        ({"metric": "ip"}, "'metric' parameter of to_index must be a str among"),
        ({"connectivity": 1}, "'connectivity' parameter of to_index must be an int"),
        ({"expansion_search": 0}, "'expansion_search' parameter of to_index must be an int"),
    ],
)
def test_parameters_are_checked(wrmf, parameters, message):
    with pytest.raises(ValueError, match=message):
        to_index(wrmf, **parameters)


def test_recommenders_without_factors_are_refused(planted):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        to_index(PopularityRecommender().fit(planted[0]))


@pytest.mark.parametrize("k", [0, 2.5, "5"])
def test_k_is_checked(index, k):
    with pytest.raises(ValueError, match="k must be an int of at least 1"):
        index.recommend([0], k=k)


def test_errors_about_counts_name_the_parameter(graph):
    with pytest.raises(ValueError, match="n_queries must be an int of at least 1, got 0"):
        graph.recall(n_queries=0)
    with pytest.raises(ValueError, match=r"expansion_search must be an int of at least 1, got 2\.5"):
        graph.expansion_search = 2.5


def test_methods_name_the_index_that_they_require(index, wrmf):
    with pytest.raises(ValueError, match=r'similar_items requires.*to_index\(estimator, of="items", metric="cosine"\)'):
        index.similar_items([0])
    message = (
        'recommend requires an index with of="items" and metric="dot", but this one has of="users" and metric="dot"'
    )
    with pytest.raises(ValueError, match=message):
        to_index(wrmf, "exact", of="users").recommend([0])


def test_exact_search_has_no_expansion_search(wrmf):
    index = to_index(wrmf, "exact")
    with pytest.raises(AttributeError, match="its recall is always 1"):
        index.expansion_search = 5


def test_the_error_names_the_extra_if_usearch_is_missing(wrmf, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r'pip install "sklearn-recsketch\[index\]"'):
        to_index(wrmf)
    to_index(wrmf, "exact")


def test_parameters_are_passed_to_the_graph(wrmf):
    index = to_index(wrmf, connectivity=4, expansion_add=16, expansion_search=32)
    graph = index._searcher._graph
    assert (graph.connectivity, graph.expansion_add, index.expansion_search) == (4, 16, 32)
