"""Test synthetic interactions, loading files, and fetching the Sketchfab data set."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from sklearn_recsketch.datasets import _make_interactions, fetch_sketchfab, load_features, load_likes, make_interactions
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions, to_matrix

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "citeulike-a"
needs_real = pytest.mark.skipif(
    not (REAL / "likes.psv").exists(), reason="the citeulike-a files, which are not part of the repository, are absent"
)


def flat(features):
    """Convert features to a set of (id, name of the feature, value)."""
    coo = features.matrix.tocoo()
    return set(zip(features.ids[coo.row].tolist(), features.feature_names()[coo.col].tolist(), coo.data.tolist()))


# make_interactions


def test_the_same_seed_gives_the_same_data(seed):
    (X, y, features), (X_again, y_again, features_again) = (
        make_interactions(100, 50, counts=True, return_features=True, random_state=seed) for _ in range(2)
    )
    pd.testing.assert_frame_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert flat(features) == flat(features_again)


def test_different_seeds_give_different_data():
    X_0, X_1 = (make_interactions(100, 50, random_state=seed)[0] for seed in (0, 1))
    assert not X_0.equals(X_1)


def test_return_features_does_not_change_the_interactions(seed):
    X, y = make_interactions(100, 50, random_state=seed)
    X_again, y_again, _ = make_interactions(100, 50, random_state=seed, return_features=True)
    pd.testing.assert_frame_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)


def test_ids_are_integers_from_zero(seed):
    X, y = make_interactions(80, 30, random_state=seed)
    assert X.columns.tolist() == ["user", "item"]
    assert len(X) == len(y)
    assert set(X["user"]) == set(range(80))
    assert set(X["item"]) <= set(range(30))


def test_pairs_are_distinct_and_users_have_two_to_half_of_the_items(seed):
    X, _ = make_interactions(200, 30, mean_activity=12, random_state=seed)
    assert not X.duplicated().any()
    assert X.groupby("user").size().between(2, 15).all()


@pytest.mark.parametrize("n_items", [1, 2, 3])
def test_interactions_with_few_items(n_items):
    X, _ = make_interactions(10, n_items, n_tags=3, random_state=0)
    assert X["item"].max() < n_items
    assert not X.duplicated().any()


def test_mean_activity_is_the_mean_number_of_items(seed):
    """2 + 18 * lognormal(-0.5, 1) has mean 20 and standard deviation 18 * sqrt(e - 1). Clipping reduces the mean."""
    X, _ = make_interactions(1000, 1000, mean_activity=20, random_state=seed)
    error = 18 * np.sqrt(np.e - 1) / np.sqrt(1000)
    assert 20 - 1 - 5 * error < len(X) / 1000 < 20 + 5 * error


def test_strengths_are_ones_or_counts(seed):
    _, y = make_interactions(100, 50, random_state=seed)
    assert (y == 1).all()
    _, y = make_interactions(100, 50, counts=True, random_state=seed)
    assert (y >= 1).all()
    assert (y == np.floor(y)).all()
    assert y.max() > 1


def test_counts_increase_with_the_planted_preference(seed, monkeypatch):
    preferences, standardized = [], _make_interactions._standardized
    monkeypatch.setattr(
        _make_interactions, "_standardized", lambda values: preferences.append(values) or standardized(values)
    )
    _, y = make_interactions(300, 100, counts=True, random_state=seed)
    # Chance is .013 with 6,000 pairs. Poisson noise keeps the correlation below 1.
    assert spearmanr(preferences[0], y).statistic > 0.5


def test_rows_are_in_random_order(seed):
    X, _ = make_interactions(100, 50, random_state=seed)
    assert not X["user"].is_monotonic_increasing


def test_every_item_has_tags(seed):
    _, _, features = make_interactions(20, 60, n_tags=7, tags_per_item=3, return_features=True, random_state=seed)
    assert features.ids.tolist() == list(range(60))
    assert set(features.feature_names()) <= {f"tag=t{t}" for t in range(7)}
    assert (np.diff(features.matrix.indptr) >= 1).all()
    assert (features.matrix.data == 1).all()


def shared_tag_lift(taste, seed, n_permutations=99):
    """Ratio of the mean number of users shared by two items with the same tag to that of two items with different tags.

    Returns the ratio for the true tags, and a list of ratios for random permutations of the tags.
    """
    X, y, features = make_interactions(
        600,
        200,
        mean_activity=5,
        popularity_exponent=0,
        taste=taste,
        n_tags=20,
        tags_per_item=1,
        return_features=True,
        random_state=seed,
    )
    matrix, _, items = to_matrix(X, y)
    shared_users = (matrix.T @ matrix).toarray()
    tag = features.align(items, "item").matrix.toarray().argmax(axis=1)
    rng = np.random.RandomState(seed)

    def lift(tag):
        same = tag[:, None] == tag
        different = ~same
        np.fill_diagonal(same, False)
        return shared_users[same].mean() / shared_users[different].mean()

    return lift(tag), [lift(rng.permutation(tag)) for _ in range(n_permutations)]


def test_preferences_depend_on_tags(seed):
    """If interactions were independent of tags, the true tags would have the highest lift with probability 1 %."""
    lift, permuted = shared_tag_lift(8.0, seed)
    assert lift > max(permuted)


def test_interactions_do_not_depend_on_tags_without_taste(seed):
    """The true tags have the highest or the lowest of 100 lifts with probability 2 %."""
    lift, permuted = shared_tag_lift(0.0, seed)
    assert min(permuted) <= lift <= max(permuted)


# Files.

LIKES = "modelname|mid|uid\nA ship|m1|001\nA ship|m1|ann\nA ship|m1|ann\n\\A | B\\|m2|ann\nNA|null|nan\n"
FEATURES = "mid|type|value\nm1|tag|VR\nm1|tag|nan\nm2|tag|null\nm2|category|Art\nm2|tag|vr\nm2|tag|vr\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "likes.psv").write_text(LIKES)
    (tmp_path / "feats.psv").write_text(FEATURES)
    (tmp_path / "plays.psv").write_text("who|what|plays\nann|7|2\nann|7|2\nann|7|3.5\nbob|8|0\n")
    return tmp_path


def test_likes_are_read_as_strings_without_duplicates(folder):
    likes = load_likes(folder / "likes.psv")
    assert likes.data.columns.tolist() == ["user", "item"]
    assert likes.data.to_numpy().tolist() == [["001", "m1"], ["ann", "m1"], ["ann", "m2"], ["nan", "null"]]
    assert likes.n_duplicates == 1


def test_names_are_indexed_by_item(folder):
    names = load_likes(folder / "likes.psv").names
    assert names.to_dict() == {"m1": "A ship", "m2": "A | B", "null": "NA"}


@pytest.mark.parametrize("name", [None, "title"])
def test_likes_without_names(folder, name):
    likes = load_likes(folder / "likes.psv", name=name)
    assert likes.names is None
    assert len(likes.data) == 4


def test_weights_are_numbers(folder):
    likes = load_likes(folder / "plays.psv", user="who", item="what", weight="plays")
    assert likes.data["weight"].tolist() == [2.0, 3.5, 0.0]
    assert (likes.n_duplicates, likes.names) == (1, None)


def test_weights_must_be_numbers(folder):
    (folder / "plays.psv").write_text("uid|mid|plays\nann|7|2\nann|8|many\n")
    with pytest.raises(ValueError, match=r"plays must be a number, got .many. in line 3 of .*plays\.psv, "):
        load_likes(folder / "plays.psv", weight="plays")


def test_load_likes_names_the_missing_column(folder):
    with pytest.raises(ValueError, match=r"plays\.psv has no column 'uid'; its columns are \['who', 'what', 'plays'\]"):
        load_likes(folder / "plays.psv")


def test_nan_and_null_are_valid_tags(folder):
    assert flat(load_features(folder / "feats.psv")) == {
        ("m1", "tag=vr", 1.0),
        ("m1", "tag=nan", 1.0),
        ("m2", "tag=null", 1.0),
        ("m2", "category=art", 1.0),
        ("m2", "tag=vr", 1.0),
    }


def test_lowercase_false_keeps_the_case(folder):
    names = load_features(folder / "feats.psv", lowercase=False).feature_names().tolist()
    assert names == ["category=Art", "tag=VR", "tag=nan", "tag=null", "tag=vr"]


def test_load_features_names_the_missing_column(folder):
    with pytest.raises(ValueError, match=r"likes\.psv has no column 'type'; its columns are \['modelname', 'mid'"):
        load_features(folder / "likes.psv")


@needs_real
def test_real_likes_have_the_known_sizes():
    likes = load_likes(REAL / "likes.psv").data
    description = describe_interactions(likes)
    assert (description["users"], description["items"], description["interactions"]) == (5_551, 16_980, 204_986)
    thresholded = describe_interactions(threshold_interactions(likes))
    assert (thresholded["users"], thresholded["items"], thresholded["interactions"]) == (5_536, 15_429, 200_180)


@needs_real
@pytest.mark.parametrize("lowercase", [True, False])
def test_real_tags_have_the_known_sizes(lowercase):
    """The tags of the file are in lower case already."""
    features = load_features(REAL / "feats.psv", lowercase=lowercase)
    counts = np.bincount(features.matrix.indices)
    assert (len(counts), (counts >= 5).sum()) == (46_390, 7_386)
    assert {"tag=nan", "tag=null"} <= set(features.feature_names())
    assert len(features.ids) == 16_980 - 3_461


# fetch_sketchfab with a local server.

NAMES = ("model_likes_anon.psv", "model_feats.psv")


class Server:
    """Serves the two files and records the requests. `mode` simulates failures."""

    def __init__(self):
        self.requests = []
        self.mode = "whole"
        self.files = dict(zip(NAMES, (LIKES.encode(), FEATURES.encode())))
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = self.path.rpartition("/")[2]
                owner.requests.append(name)
                body = owner.files[name]
                self.close_connection = True
                if owner.mode == "gone":
                    self.send_error(404)
                    return
                self.send_response(200)
                if owner.mode == "cut chunk":
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.write(b"%x\r\n" % len(body) + body[:10])
                    return
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:10] if owner.mode == "cut" else body)

            def log_message(self, *args):
                """Do not log requests."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/data"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def stored_files(tmp_path):
    """Names of the files in the folder of the data set."""
    return sorted(path.name for path in (tmp_path / "recsketch_sketchfab").iterdir())


def test_fetch_reads_both_files(server, tmp_path):
    sketchfab = fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert len(sketchfab.data) == 4
    assert sketchfab.names["m1"] == "A ship"
    assert sketchfab.n_duplicates == 1
    assert ("m1", "tag=vr", 1.0) in flat(sketchfab.item_features)


def test_second_fetch_makes_no_request(server, tmp_path):
    first = fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert server.requests == list(NAMES)
    second = fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert server.requests == list(NAMES)
    pd.testing.assert_frame_equal(first.data, second.data)


def test_a_damaged_file_is_downloaded_again(server, tmp_path):
    fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    damaged = tmp_path / "recsketch_sketchfab" / NAMES[1]
    damaged.write_bytes(damaged.read_bytes()[:-5])
    fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert server.requests == [*NAMES, NAMES[1]]
    assert damaged.read_bytes() == FEATURES.encode()


@pytest.mark.parametrize("mode", ["cut", "cut chunk", "gone"])
def test_a_failed_download_leaves_no_file_and_names_the_remedy(server, tmp_path, mode):
    server.mode = mode
    with pytest.raises(OSError, match=rf"Could not download .*{NAMES[0]}: .* by hand and put them into"):
        fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert stored_files(tmp_path) == []


def test_a_failed_download_closes_its_connection(server, tmp_path):
    """An HTTPError keeps the response of the server, and thus a socket, open until it is closed."""
    server.mode = "gone"
    with pytest.raises(OSError, match="404") as caught:
        fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    assert caught.value.__cause__.closed


def test_a_failed_download_can_be_repeated(server, tmp_path):
    server.mode = "cut"
    with pytest.raises(OSError, match="Could not download"):
        fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    server.mode = "whole"
    assert len(fetch_sketchfab(data_home=tmp_path, base_url=server.url).data) == 4


def test_the_error_of_a_failed_download_says_where_to_put_the_files(server, tmp_path):
    server.mode = "gone"
    with pytest.raises(OSError) as caught:
        fetch_sketchfab(data_home=tmp_path, base_url=server.url)
    for part in (*NAMES, server.url, str(tmp_path / "recsketch_sketchfab")):
        assert part in str(caught.value)


@pytest.mark.parametrize("damaged", [False, True])
def test_download_if_missing_false_makes_no_request(server, tmp_path, damaged):
    if damaged:
        fetch_sketchfab(data_home=tmp_path, base_url=server.url)
        (tmp_path / "recsketch_sketchfab" / NAMES[0]).write_text("x")
        server.requests.clear()
    with pytest.raises(OSError, match=rf"{NAMES[0]} is missing or damaged, and download_if_missing=False"):
        fetch_sketchfab(data_home=tmp_path, base_url=server.url, download_if_missing=False)
    assert server.requests == []


def test_files_downloaded_by_hand_are_used(server, tmp_path):
    folder = tmp_path / "recsketch_sketchfab"
    folder.mkdir()
    for name, text in zip(NAMES, (LIKES, FEATURES)):
        (folder / name).write_text(text)
    assert len(fetch_sketchfab(data_home=tmp_path, base_url=server.url, download_if_missing=False).data) == 4
    assert server.requests == []
