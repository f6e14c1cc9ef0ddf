"""Fetch the Sketchfab data set from the rec-a-sketch repository."""

from __future__ import annotations

import hashlib
import shutil
import urllib.request
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from urllib.error import HTTPError, URLError

from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

from sklearn_recsketch.datasets._loaders import load_features, load_likes
from sklearn_recsketch.utils._atomic_files import atomic_write

__all__ = ["fetch_sketchfab"]

BASE_URL = "https://raw.githubusercontent.com/EthanRosenthal/rec-a-sketch/master/data"
QUOTE = "\\"
FILES = ("model_likes_anon.psv", "model_feats.psv")


def fetch_sketchfab(
    *,
    data_home: str | PathLike[str] | None = None,
    base_url: str = BASE_URL,
    download_if_missing: bool = True,
    timeout: float = 30.0,
) -> Bunch:
    """Load likes and features of Sketchfab models, and download them if necessary.

    The data set is from 2016 and has 62,583 users, 28,806 models and 20,352 tags. It contains likes for 0.035 % of all
    user-model pairs. Each file is stored in `data_home` together with the SHA-256 checksum that was computed after its
    first download. A file that does not match its checksum is downloaded again.

    Parameters
    ----------
    data_home : path, default=None
        Folder in which the files are stored. If None, ``sklearn.datasets.get_data_home()`` is used.
    base_url : str
        URL of the folder that contains ``model_likes_anon.psv`` and ``model_feats.psv``.
    download_if_missing : bool, default=True
        Whether to download files that are missing. If False, an OSError is raised if the files are not available
        locally.
    timeout : float, default=30.0
        Timeout in seconds for the connection to the server.

    Returns
    -------
    Bunch
        Dictionary-like object with four attributes. ``data`` is a frame with the columns user and item. ``names`` is a
        Series of model names that is indexed by item id. ``item_features`` is a
        :class:`~sklearn_recsketch.SideFeatures` object. ``n_duplicates`` is the number of duplicate rows that were
        removed from ``data``.

    Raises
    ------
    OSError
        If a file is not available locally and cannot be downloaded, or if it is not available locally and
        `download_if_missing=False`. The message says where to put manually downloaded files.

    Notes
    -----
    The data were collected by Ethan Rosenthal: https://github.com/EthanRosenthal/rec-a-sketch.
    """
    folder = Path(get_data_home() if data_home is None else data_home) / "recsketch_sketchfab"
    for name in FILES:
        path = folder / name
        if _is_whole(path):
            continue
        if not download_if_missing:
            raise OSError(f"{path} is missing or damaged, and download_if_missing=False. {_by_hand(base_url, folder)}")
        _download(f"{base_url}/{name}", path, timeout, _by_hand(base_url, folder))
    likes = load_likes(folder / FILES[0], quotechar=QUOTE)
    return Bunch(item_features=load_features(folder / FILES[1], quotechar=QUOTE), **likes)


def _by_hand(base_url: str, folder: Path) -> str:
    return f"Download {' and '.join(FILES)} from {base_url} by hand and put them into {folder}."


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(path: Path) -> bool:
    """Return True if a file exists and matches its checksum.

    If no checksum is stored, the checksum of the file is computed and stored.
    """
    if not path.exists():
        return False
    checksum = _checksum_file(path)
    if not checksum.exists():
        checksum.write_text(_sha256(path))
        return True
    return checksum.read_text().strip() == _sha256(path)


def _download(url: str, path: Path, timeout: float, by_hand: str) -> None:
    """Download a file and store its checksum.

    If the download fails, neither the file nor its checksum is stored.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_write(path) as target, urllib.request.urlopen(url, timeout=timeout) as source:
            shutil.copyfileobj(source, target)
            expected = source.headers.get("Content-Length")
            if expected is not None and target.tell() != int(expected):
                raise URLError(f"got {target.tell()} of {expected} bytes")
        _checksum_file(path).write_text(_sha256(path))
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise OSError(f"Could not download {url}: {error}. {by_hand}") from error
