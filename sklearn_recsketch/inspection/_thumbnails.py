"""Pictures of Sketchfab models, from its public Data API."""

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
GONE = (404, 410)
FAILURES = (OSError, HTTPException, ValueError, RecursionError)  # of a request, or of reading its answer
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
    """Pictures of Sketchfab models, for :class:`ItemGallery`.

    Parameters
    ----------
    ids : id or array-like of ids
        The models' uids, which are the items of :func:`~sklearn_recsketch.datasets.fetch_sketchfab`.
    width : int, default=200
        In pixels. Of the sizes there are, the smallest of at least this width, else the widest.
    embed : bool, default=False
        Download the pictures: a page that shows them works without a network.
    cache : path, default=None
        Folder in which answers and pictures are kept; None is ``recsketch_thumbnails`` in
        ``sklearn.datasets.get_data_home()``.
    timeout : float, default=10.0
        Seconds that a request may take in all, with the redirects it leads to.
    n_requests : int, default=8
        Requests at the same time; they wait for the network, so it has nothing to do with cores.
    base_url : str, default="https://api.sketchfab.com/v3/models"
        What a model's uid is appended to.

    Returns
    -------
    dict
        By id, in the order given, the address of the picture, or with `embed` its bytes. None for a
        model that no longer exists, or whose picture could not be had.

    Warns
    -----
    UserWarning
        Once, where requests failed: how many, the first of them and the reason. Asked again, only
        these are requested.

    Notes
    -----
    Addresses of pictures are remembered without end, and so is that a model is gone. Sketchfab may
    move its pictures: delete the folder to ask anew. With `embed`, an address that has become wrong
    is forgotten when it is noticed.

    The API needs no key: https://docs.sketchfab.com/data-api/v3/index.html.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_recsketch.inspection import sketchfab_thumbnails
    >>> sketchfab_thumbnails([], cache=tempfile.mkdtemp())
    {}
    """
    given = {"width": width, "embed": embed, "timeout": timeout, "n_requests": n_requests}
    validate_parameter_constraints(CONSTRAINTS, given, caller_name="sketchfab_thumbnails")
    if not is_web_address(base_url):
        raise ValueError(f"base_url must be an http or https URL, got {base_url!r}.")
    column = check_id_list(ids, "model")
    distinct = list(dict.fromkeys(column.ids[column.codes].tolist()))
    folder = Path(get_data_home()) / "recsketch_thumbnails" if cache is None else Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    source = _Sketchfab(base_url.rstrip("/"), folder, width, embed, timeout)
    found = _ask_all(source, distinct, n_requests)
    failures = {uid: value for uid, value in found.items() if isinstance(value, Exception)}
    if failures:
        uid, reason = next(iter(failures.items()))
        warnings.warn(
            f"{len(failures)} of {len(found)} thumbnails could not be had. The first is that of {show_id(uid)}: "
            f"{type(reason).__name__}: {reason}. Call again to ask for them anew.",
            UserWarning,
            stacklevel=2,
        )
    return {uid: None if uid in failures else value for uid, value in found.items()}


def _ask_all(source: _Sketchfab, ids: list[Any], n_requests: int) -> dict[Any, Any]:
    """The thumbnail of each id, or the exception it failed with."""
    pool = ThreadPoolExecutor(n_requests)
    try:
        futures = [pool.submit(source.try_thumbnail, uid) for uid in ids]
        # In short waits: a long one may not notice Ctrl-C.
        while wait(futures, timeout=0.2).not_done:
            pass
        return {uid: future.result() for uid, future in zip(ids, futures, strict=True)}
    finally:
        # After Ctrl-C neither the requests under way nor pauses are waited for.
        source.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Sketchfab:
    """What all requests have in common."""

    base_url: str
    folder: Path
    width: int
    embed: bool
    timeout: float
    stopped: Event = field(default_factory=Event)

    def try_thumbnail(self, uid: Any) -> str | bytes | Exception | None:
        """The thumbnail of a model, None if it is gone; failures are returned, as they concern one model only."""
        try:
            return self._thumbnail(uid)
        except FAILURES as error:
            return error

    def _thumbnail(self, uid: Any) -> str | bytes | None:
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
            # The address may be one of former times: ask for it anew at the next call.
            self._file(model_url).unlink(missing_ok=True)
            raise

    def _images(self, url: str) -> list[dict[str, Any]]:
        """Sizes in which a model's thumbnail exists, none for a model that does not."""
        file = self._file(url)
        known = _load(file)
        if known is not None:
            return json.loads(known)
        try:
            images = _read_images(get(url, "json", self.timeout, self.stopped))
        except HTTPError as error:
            if error.code not in GONE:
                raise
            images = []
        _store(file, json.dumps(images).encode())
        return images

    def _picture(self, url: str) -> bytes:
        file = self._file(url)
        picture = _load(file)
        if picture is None:
            picture = get(url, "image/", self.timeout, self.stopped)
            if image_type(picture) is None:
                raise ValueError(f"{url} is no picture, it begins {picture[:12]!r}")
            _store(file, picture)
        return picture

    def _file(self, url: str) -> Path:
        return self.folder / hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def _width(image: dict[str, Any]) -> int:
    return image["width"]


def _read_images(body: bytes) -> list[dict[str, Any]]:
    """Address and width of each usable picture in an answer of the API."""
    try:
        images = list(json.loads(body)["thumbnails"]["images"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"the answer is not that of a model: {error!r}") from error
    usable = [
        {"url": image["url"], "width": image["width"]}
        for image in images
        if isinstance(image, dict) and is_web_address(image.get("url")) and isinstance(image.get("width"), int)
    ]
    if not usable:
        raise ValueError("the answer lists no thumbnails")
    return usable


def _store(file: Path, content: bytes) -> None:
    """Write a file, its SHA-256 sum before the content."""
    with atomic_write(file) as target:
        target.write(hashlib.sha256(content).digest() + content)


def _load(file: Path) -> bytes | None:
    """The content of a file, None if it is missing or damaged."""
    if not file.is_file():
        return None
    stored = file.read_bytes()
    size = hashlib.sha256().digest_size
    return stored[size:] if hashlib.sha256(stored[size:]).digest() == stored[:size] else None
