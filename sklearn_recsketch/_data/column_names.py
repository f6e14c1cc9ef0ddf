"""Guess from a column name whether the column contains users, items or times."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product

__all__ = ["are_swapped", "is_id", "is_time", "suggested_pair", "third_is_id"]

# Names are compared in lower case and without punctuation, so "User-ID", "userId" and "user_id" are equal.
USERS = {
    "user", "usr", "anonuser", "customer", "cust", "client", "consumer", "member", "visitor", "fullvisitor", "reviewer",
    "rater", "account", "person", "profile", "listener", "viewer", "reader", "player", "subscriber", "shopper", "buyer",
    "guest", "student", "learner", "donor", "employee", "household", "patron", "steamuser",
}  # fmt: skip
# Stand-ins for users in data without accounts.
BASKETS = {
    "session", "visit", "order", "invoice", "basket", "cart", "transaction", "trip", "playlist", "device", "cookie",
}  # fmt: skip
ITEMS = {
    "item", "product", "prod", "movie", "film", "show", "anime", "article", "track", "song", "artist",
    "musicbrainzartist", "album", "book", "business", "location", "venue", "poi", "place", "restaurant", "news",
    "story", "document", "doc", "recipe", "beer", "wine", "joke", "game", "app", "video", "photo", "listing", "hotel",
    "job", "course", "stock", "goods", "repo", "repository", "subreddit", "hashtag", "page", "podcast", "episode",
    "paper", "project", "merchant", "coupon", "offer", "attraction", "content", "model", "variant", "dish",
    "lesson", "vendor", "url", "gmap",
}  # fmt: skip
ID_ENDINGS = (
    "id", "ids", "key", "code", "no", "nr", "num", "number", "uri", "uuid", "guid", "mbid", "idx", "index", "hash",
    "sha1", "uniqueid",
)  # fmt: skip
OTHER_ENDINGS = ("", "s", "name", "title")
USER_IDS = {"uid", "uids", "msno", "steamid", "usermboxsha1", "userprofilename", "reviewprofilename"}
ITEM_IDS = {
    "iid", "mid", "asin", "parentasin", "sku", "upc", "ean", "gtin", "isbn", "isbn10", "isbn13", "imdbid", "tmdbid",
    "malid", "mbid", "beerbeerid",
}  # fmt: skip
TIMES = {
    "time", "times", "timestamp", "timestamps", "tstamp", "date", "dates", "datetime", "dt", "ts", "epoch", "utc",
    "created", "modified", "updated", "unix", "tdat", "timems", "timesec", "timeutc", "timeofday",
}  # fmt: skip
EVENTS = (
    "event", "action", "interaction", "review", "rating", "rated", "order", "invoice", "purchase", "transaction",
    "trans", "visit", "click", "checkin", "session", "start", "end", "request", "log", "post", "publish", "unix",
    "unixreview", "utc", "local", "server", "epoch", "create", "created", "update", "updated",
)  # fmt: skip
TIMES |= {event + ending for event, ending in product(EVENTS, ("time", "date", "at", "utc"))} - {"sessiontime"}


def _bare(name: str) -> str:
    # Some files append the type of a column to its name: "user_id:token".
    return re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower())


def _words(name: str) -> list[str]:
    """Split a name in snake_case, in camelCase or with spaces into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _with_endings(stems: set[str], endings: tuple[str, ...]) -> set[str]:
    return {stem + ending for stem, ending in product(stems, endings)}


USER_ID_NAMES = _with_endings(USERS, ID_ENDINGS) | USER_IDS
USER_NAMES = _with_endings(USERS, OTHER_ENDINGS) | USER_ID_NAMES
BASKET_NAMES = _with_endings(BASKETS, ("", *ID_ENDINGS)) | {"householdkey"}
ITEM_ID_NAMES = _with_endings(ITEMS, ID_ENDINGS) | ITEM_IDS
ITEM_NAMES = _with_endings(ITEMS, OTHER_ENDINGS) | ITEM_ID_NAMES


def are_swapped(names: list[str]) -> bool:
    """Return True if the first column name suggests items and the second one suggests users."""
    return _bare(names[0]) in ITEM_NAMES and _bare(names[1]) in USER_NAMES | BASKET_NAMES


def is_id(name: str) -> bool:
    """Return True if a name suggests user ids or item ids.

    The name "orders" does not suggest ids, because such a column may contain counts.
    """
    return _bare(name) in USER_ID_NAMES | ITEM_ID_NAMES


def third_is_id(names: list[str]) -> bool:
    """Return True if the third of three column names suggests ids, or is the only one that suggests users or items."""
    return is_id(names[2]) or names[2] in (suggested_pair(names) or ())


def is_time(name: str) -> bool:
    """Return True if a name suggests points in time.

    The names "play_time" and "days" do not suggest points in time, because such columns contain durations.
    """
    bare, words = _bare(name), _words(name)
    if bare in TIMES or bare.startswith("timestamp") or bare.endswith(("timestamp", "datetime")):
        return True
    if words[0:1] in (["first"], ["last"]) and words[-1].endswith(("ed", "seen")):
        return True
    ends = len(words) > 1 and words[-1] in {"date", "at", "ts", "epoch"}
    return ends or (len(words) > 1 and words[0] in {"date", "datetime", "ts"})


def suggested_pair(names: list[str]) -> tuple[str, str] | None:
    """Return the names that suggest users and items, or None if either is missing."""
    user = _first(names, USER_ID_NAMES.__contains__, USER_NAMES.__contains__, BASKET_NAMES.__contains__)
    item = _first(names, ITEM_ID_NAMES.__contains__, ITEM_NAMES.__contains__)
    return None if user is None or item is None else (user, item)


def _first(names: list[str], *rules: Callable[[str], bool]) -> str | None:
    return next((name for rule in rules for name in names if rule(_bare(name))), None)
