"""Recognition of users, items and times by the names of columns, on names from public data sets."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, WRMFRecommender
from sklearn_recsketch._data.column_names import are_swapped, is_id, is_time, suggested_pair
from sklearn_recsketch.preprocessing import describe_interactions, to_matrix

# Names of the columns of users and items in public data sets.
PAIRS = [
    ("user", "item"), ("userId", "movieId"), ("userID", "artistID"), ("user_id", "book_id"), ("User-ID", "ISBN"),
    ("CustomerID", "StockCode"), ("Customer ID", "StockCode"), ("InvoiceNo", "StockCode"), ("visitorid", "itemid"),
    ("reviewerID", "asin"), ("user_id", "parent_asin"), ("user_id", "business_id"), ("customer_id", "article_id"),
    ("order_id", "product_id"), ("playlist_id", "track_uri"), ("user_id", "news_id"), ("msno", "song_id"),
    ("steamid", "appid"), ("user_id", "anime_id"), ("session_id", "item_id"), ("uid", "poi_id"), ("uid", "mid"),
    ("user id", "game title"), ("user-mboxsha1", "musicbrainz-artist-id"), ("user_id", "recipe_id"),
    ("household_key", "PRODUCT_ID"), ("buyer_id", "goods_id"), ("guest_id", "hotel_id"), ("users", "items"),
    ("user_id", "joke_id"), ("visitor_id", "listing_id"), ("\ufeffuserId", "movieId"), ("userName", "repoName"),
    ("member_id", "venue_id"), ("user_id", "video_id"), ("client_id", "product_code"), ("user", "location id"),
    ("user_id", "track_name"), ("account_id", "show_id"), ("profile_name", "beer_beerid"),
    ("user_id:token", "item_id:token"), ("user_id", "gmap_id"), ("student", "lesson"), ("user", "url"),
]  # fmt: skip


@pytest.mark.parametrize(("user", "item"), PAIRS)
def test_items_before_users_raise(user, item):
    with pytest.raises(ValueError, match=r"users come first"):
        PopularityRecommender().fit(pd.DataFrame([[1, 2]], columns=[item, user]))
    PopularityRecommender().fit(pd.DataFrame([[1, 2]], columns=[user, item]))


@pytest.mark.parametrize(
    "names",
    [("id", "name"), ("name", "id"), ("u", "i"), ("title", "user"), ("category", "user"), ("rating", "user")],
)
def test_other_names_are_not_swapped(names):
    assert not are_swapped(list(names))


TIMES = [
    "timestamp", "Timestamp", "time", "date", "datetime", "ts", "created_at", "createdAt", "event_time", "EventTime",
    "epoch", "unixReviewTime", "t_dat", "InvoiceDate", "date_added", "TIME_STAMP", "review/time", "playedAt",
    "time_ms", "ts_ms", "created_utc", "rating_timestamp", "check-in time",
    "timestamp:float", "last_played", "firstSeen",
]  # fmt: skip
AMOUNTS = [
    "play_time", "playtime_forever", "weight", "rating", "count", "hours", "days", "plays", "watch_time", "dwelltime",
    "listening_time", "hits", "update_count", "candidate", "quantity", "runtime", "lifetime", "times_played", "n_times",
    "score", "what", "format", "stats", "events", "mandate", "time_spent", "session_time", "totaltime", "last_score",
    "rating:float",
]  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_a_third_column_named_like_a_time_raises(name):
    X = pd.DataFrame([[1, 2, 874965758]], columns=["user", "item", name])
    with pytest.raises(ValueError, match=r"contains times, .* Write X\[\['user', 'item'\]\]\. .*groups=X\['") as error:
        PopularityRecommender().fit(X)
    assert f"If {name!r} does contain weights, rename it." in str(error.value)


@pytest.mark.parametrize("name", AMOUNTS)
def test_a_third_column_named_like_an_amount_is_a_weight(name):
    rec = PopularityRecommender().fit(pd.DataFrame([[1, 2, 3.0]], columns=["user", "item", name]))
    assert rec.interactions_.data.tolist() == [3.0]


DAY = datetime.date(2020, 1, 1)
COLUMNS_OF_TIMES = {
    "pandas": lambda: pd.DataFrame({"u": [1], "i": [2], "w": [pd.Timestamp(DAY)]}),
    "pandas with a time zone": lambda: pd.DataFrame({"u": [1], "i": [2], "w": [pd.Timestamp(DAY, tz="UTC")]}),
    "pandas objects": lambda: pd.DataFrame({"u": [1, 1], "i": [2, 3], "w": [None, DAY]}),
    "pandas periods": lambda: pd.DataFrame({"u": [1], "i": [2], "w": [pd.Period("2020")]}),
    "pandas category": lambda: pd.DataFrame({"u": [1], "i": [2], "w": pd.Categorical([pd.Timestamp(DAY)])}),
    "arrow in pandas": lambda: pd.DataFrame(
        {"u": [1], "i": [2], "w": pd.Series([pd.Timestamp(DAY)], dtype="timestamp[ns][pyarrow]")}
    ),
    "polars": lambda: pl.DataFrame({"u": [1], "i": [2], "w": [DAY]}),
    "pyarrow": lambda: pa.table({"u": [1], "i": [2], "w": [DAY]}),
    "objects": lambda: np.array([[1, 2, DAY]], dtype=object),
    "lists": lambda: [[1, 2, np.datetime64("2020")]],
}


@pytest.mark.parametrize("make", COLUMNS_OF_TIMES.values(), ids=COLUMNS_OF_TIMES)
def test_a_third_column_of_times_raises_for_any_name(make):
    with pytest.raises(ValueError, match=r"The third column of X.* contains times, .*TemporalUserSplit\(\)\.split\("):
        PopularityRecommender().fit(make())


@pytest.mark.parametrize(
    "read",
    [
        lambda X: WRMFRecommender(2).fit(X),
        lambda X: PopularityRecommender().partial_fit(X),
        lambda X: WRMFRecommender(2, max_iter=1).fit([[1, 2]]).recommend(history=X),
        lambda X: WRMFRecommender(2, max_iter=1).fit([[1, 2]]).recommend(item_history=X),
        lambda X: InteractionThresholder(1, 1).fit(X),
        to_matrix,
        describe_interactions,
    ],
)
def test_times_raise_wherever_weights_are_read(read):
    with pytest.raises(ValueError, match=r"The third column of (X|(item_)?history), 'timestamp', contains times"):
        read(pd.DataFrame({"user": [1], "item": [2], "timestamp": [874965758]}))


def test_a_third_column_named_like_an_id_raises():
    X = pd.DataFrame({"timestamp": [8], "user_id": [1], "item_id": [2]})
    with pytest.raises(ValueError, match=r"'item_id', contains ids .* Write X\[\['user_id', 'item_id'\]\]"):
        PopularityRecommender().fit(X)


@pytest.mark.parametrize("names", [["user", "rating", "item"], ["rating", "user", "item"], ["item", "rating", "user"]])
def test_a_third_column_raises_if_it_is_the_only_one_named_like_users_or_items(names):
    with pytest.raises(ValueError, match=r"contains ids according to its name.* Write X\[\['user', 'item'\]\]"):
        PopularityRecommender().fit(pd.DataFrame([[1, 2, 3]], columns=names))


@pytest.mark.parametrize("third", ["items", "orders", "visits", "products"])
def test_a_third_column_named_like_a_count_is_a_weight(third):
    PopularityRecommender().fit(pd.DataFrame([[1, 2, 3.0]], columns=["user", "item", third]))


@pytest.mark.parametrize("name", ["orders", "items", "visits", "order"])
def test_names_of_counts_are_neither_ids_nor_times(name):
    assert not is_id(name) and not is_time(name)


# Columns of public data sets, and the two columns that the error suggests.
MANY = [
    (["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
     ["CustomerID", "StockCode"]),
    (["userId", "movieId", "rating", "timestamp"], ["userId", "movieId"]),
    (["timestamp", "visitorid", "event", "itemid", "transactionid"], ["visitorid", "itemid"]),
    (["User-ID", "ISBN", "Book-Rating", "Book-Title"], ["User-ID", "ISBN"]),
    (["t_dat", "customer_id", "article_id", "price", "sales_channel_id"], ["customer_id", "article_id"]),
    (["order_id", "product_id", "add_to_cart_order", "reordered"], ["order_id", "product_id"]),
    (["reviewerID", "asin", "reviewerName", "helpful", "overall"], ["reviewerID", "asin"]),
    (["review_id", "user_id", "business_id", "stars"], ["user_id", "business_id"]),
    (["user", "check-in time", "latitude", "longitude", "location id"], ["user", "location id"]),
    (["userid", "timestamp", "artist_id", "artist_name", "track_id", "track_name"], ["userid", "artist_id"]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "pair"), MANY, ids=[names[0] for names, _ in MANY])
def test_the_error_for_a_larger_table_suggests_columns_by_name(names, pair):
    X = pd.DataFrame([range(len(names))], columns=names)
    with pytest.raises(ValueError) as error:
        PopularityRecommender().fit(X)
    assert f"Its columns are {names}. Select them in this order, for example X[{pair}]." in str(error.value)


def test_the_suggested_code_for_pyarrow_uses_select():
    X = pa.table({"userId": [1], "movieId": [2], "rating": [3], "timestamp": [4]})
    with pytest.raises(ValueError, match=r"for example X\.select\(\['userId', 'movieId'\]\)"):
        PopularityRecommender().fit(X)


def test_uninformative_names_give_the_first_two_columns_as_example():
    assert suggested_pair(["a", "b", "c", "d"]) is None
    with pytest.raises(ValueError, match=r"for example X\[\['a', 'b'\]\]"):
        PopularityRecommender().fit(pd.DataFrame([range(4)], columns=list("abcd")))


def test_numeric_names_are_suggested_as_numbers():
    with pytest.raises(ValueError, match=r"Its columns are \[0, 1, 2, 3\]\. .* for example X\[\[0, 1\]\]"):
        PopularityRecommender().fit(pd.DataFrame([range(4)]))


@pytest.mark.parametrize("form", [lambda frame: frame, lambda frame: frame.to_numpy()])
def test_the_error_for_a_wide_table_suggests_a_matrix(form):
    with pytest.raises(ValueError, match=r"X, y = sklearn_recsketch\.preprocessing\.interactions_from_matrix") as error:
        PopularityRecommender().fit(form(pd.DataFrame([range(1000)])))
    assert len(str(error.value)) < 500
