"""Fetch thumbnails of Sketchfab models from the public Data API."""

from __future__ import annotations

import hashlib
import json
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http.client import HTTPException
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from sklearn.datasets import get_data_home

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.inspection._pictures import image_type
from sklearn_recsketch.utils._atomic_files import atomic_write
from sklearn_recsketch.utils._compat import Interval, validate_parameter_constraints
from sklearn_recsketch.utils._http import get, is_web_address

__all__ = ["sketchfab_thumbnails"]

BASE_URL = "https://api.sketchfab.com/v3/models"
DELETED = (404, 410)  # HTTP status codes of models that no longer exist
FAILURES = (OSError, HTTPException, ValueError, RecursionError)  # raised by a request or by parsing its response
CONSTRAINTS = {
    "width": [Interval(Integral, 1, None, closed="left")],
    "embed": ["boolean"],
    "timeout": [Interval(Real, 0, None, closed="neither")],
    "n_requests": [Interval(Integral, 1, None, closed="left")],
}


def sketchfab_thumbnails(
    ids: Any,
    *,
    width: int = 200,
    embed: bool = False,
    cache: str | PathLike[str] | None = None,
    timeout: float = 10.0,
    n_requests: int = 8,
    base_url: str = BASE_URL,
) -> dict[Any, str | bytes | None]:
    """Fetch thumbnails of Sketchfab models, for example to show them in an `ItemGallery`.

    Parameters
    ----------
    ids : id or array-like of ids
        Uids of the models. These are the item ids in the data set that
        :func:`~sklearn_recsketch.datasets.fetch_sketchfab` returns.
    width : int, default=200
        Minimum width in pixels. For each model, the narrowest thumbnail that has at least this width is chosen. If all
        thumbnails are narrower, the widest thumbnail is chosen.
    embed : bool, default=False
        Whether to download the thumbnails. If True, the thumbnails are downloaded, so that a page can show them without
        network access. If False, only their URLs are returned.
    cache : path, default=None
        Folder in which responses and thumbnails are cached. If None, the folder ``recsketch_thumbnails`` in
        ``sklearn.datasets.get_data_home()`` is used.
    timeout : float, default=10.0
        Maximum total duration of a request in seconds, including redirects.
    n_requests : int, default=8
        Number of concurrent requests. It may exceed the number of CPU cores, because requests mostly wait for the
        network.
    base_url : str, default="https://api.sketchfab.com/v3/models"
        URL of the API. The uid of each model is appended to this URL.

    Returns
    -------
    dict
        Thumbnail for each id, in the order of `ids`. Each thumbnail is a URL, or the bytes of an image if
        ``embed=True``. It is None if the model no longer exists, or if its thumbnail could not be loaded.

    Warns
    -----
    UserWarning
        If some requests fail. A single warning is issued for all failed requests. If the function is called again, it
        only repeats the failed requests.

    Notes
    -----
    The cache stores thumbnail URLs, and records which models no longer exist. The cache never expires. If Sketchfab
    moves its thumbnails, delete the cache folder. With ``embed=True``, URLs that no longer work are automatically
    removed from the cache.

    The API does not require a key. See https://docs.sketchfab.com/data-api/v3/index.html for its documentation.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_recsketch.inspection import sketchfab_thumbnails
    >>> sketchfab_thumbnails([], cache=tempfile.mkdtemp())
    {}
    """
    parameters = {"width": width, "embed": embed, "timeout": timeout, "n_requests": n_requests}
    validate_parameter_constraints(CONSTRAINTS, parameters, caller_name="sketchfab_thumbnails")
    if not is_web_address(base_url):
        raise ValueError(f"base_url must be an http or https URL, got {base_url!r}.")
    column = check_id_list(ids, "model")
    distinct = list(dict.fromkeys(column.ids[column.codes].tolist()))
    folder = Path(get_data_home()) / "recsketch_thumbnails" if cache is None else Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    client = _SketchfabClient(base_url.rstrip("/"), folder, width, embed, timeout)
    thumbnails = _fetch_all(client, distinct, n_requests)
    failures = {uid: value for uid, value in thumbnails.items() if isinstance(value, Exception)}
    if failures:
        uid, reason = next(iter(failures.items()))
        warnings.warn(
            f"{len(failures)} of {len(thumbnails)} thumbnails could not be loaded (first: {show_id(uid)}, "
            f"{type(reason).__name__}: {reason}). Call sketchfab_thumbnails again to repeat the failed requests.",
            UserWarning,
            stacklevel=2,
        )
    return {uid: None if uid in failures else value for uid, value in thumbnails.items()}


def _fetch_all(client: _SketchfabClient, ids: list[Any], n_requests: int) -> dict[Any, Any]:
    """Return the thumbnail of each id, or the exception that its request raised."""
    pool = ThreadPoolExecutor(n_requests)
    try:
        futures = [pool.submit(client.try_thumbnail, uid) for uid in ids]
        # Wait repeatedly for a short time, because one long wait may not react to Ctrl-C.
        while wait(futures, timeout=0.2).not_done:
            pass
        return {uid: future.result() for uid, future in zip(ids, futures, strict=True)}
    finally:
        # After Ctrl-C, do not wait for running requests or for pauses before repeated requests.
        client.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _SketchfabClient:
    """Client for the Sketchfab Data API that caches responses."""

    base_url: str
    folder: Path
    width: int
    embed: bool
    timeout: float
    stopped: Event = field(default_factory=Event)

    def try_thumbnail(self, uid: Any) -> str | bytes | Exception | None:
        """Return the thumbnail of a model. If a request fails, return the exception instead of raising it.

        Return None if the model does not exist.
        """
        try:
            return self._thumbnail(uid)
        except FAILURES as error:
            return error

    def _thumbnail(self, uid: Any) -> str | bytes | None:
        """Return the thumbnail of a model as a URL or bytes, or None if the model does not exist."""
        model_url = f"{self.base_url}/{quote(str(uid), safe='')}"
        images = self._images(model_url)
        if not images:
            return None
        wide = [image for image in images if image["width"] >= self.width]
        best = min(wide, key=_width) if wide else max(images, key=_width)
        if not self.embed:
            return str(best["url"])
        try:
            return self._picture(best["url"])
        except HTTPError:
            # The cached URL may be outdated. Remove it, so that the next call requests the model again.
            self._file(model_url).unlink(missing_ok=True)
            raise

    def _images(self, url: str) -> list[dict[str, Any]]:
        """Return the URL and width of each thumbnail of a model.

        The list is empty if the model does not exist.
        """
        file = self._file(url)
        cached = _load(file)
        if cached is not None:
            return json.loads(cached)
        try:
            images = _read_images(get(url, "json", self.timeout, self.stopped))
        except HTTPError as error:
            if error.code not in DELETED:
                raise
            images = []
        _store(file, json.dumps(images).encode())
        return images

    def _picture(self, url: str) -> bytes:
        """Return the bytes of a thumbnail, from the cache or from its URL."""
        file = self._file(url)
        picture = _load(file)
        if picture is None:
            picture = get(url, "image/", self.timeout, self.stopped)
            if image_type(picture) is None:
                raise ValueError(f"{url} is not a picture, it starts with {picture[:12]!r}")
            _store(file, picture)
        return picture

    def _file(self, url: str) -> Path:
        """Return the path of the cache file for a URL."""
        return self.folder / hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def _width(image: dict[str, Any]) -> int:
    return image["width"]


def _read_images(body: bytes) -> list[dict[str, Any]]:
    """Return the URL and width of each valid thumbnail in an API response."""
    try:
        images = list(json.loads(body)["thumbnails"]["images"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"the response does not describe a model: {error!r}") from error
    usable = [
        {"url": image["url"], "width": image["width"]}
        for image in images
        if isinstance(image, dict) and is_web_address(image.get("url")) and isinstance(image.get("width"), int)
    ]
    if not usable:
        raise ValueError("the response contains no thumbnails")
    return usable


def _store(file: Path, content: bytes) -> None:
    """Write content to a file, preceded by its SHA-256 digest."""
    with atomic_write(file) as target:
        target.write(hashlib.sha256(content).digest() + content)


def _load(file: Path) -> bytes | None:
    """Return the content of a file, or None if the file is missing or damaged."""
    if not file.is_file():
        return None
    stored = file.read_bytes()
    size = hashlib.sha256().digest_size
    return stored[size:] if hashlib.sha256(stored[size:]).digest() == stored[:size] else None
