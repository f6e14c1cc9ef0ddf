"""Save a model to a file without pickle, and load it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from sklearn_recsketch._persistence.known_classes import known_classes
from sklearn_recsketch._persistence.model_container import ModelContainer, write_container
from sklearn_recsketch._persistence.model_nodes import Decoder, Encoder
from sklearn_recsketch._persistence.object_codecs import object_codecs
from sklearn_recsketch._persistence.value_codecs import VALUE_CODECS
from sklearn_recsketch.exceptions import ModelFileError
from sklearn_recsketch.utils._atomic_files import atomic_write

__all__ = ["load_model", "save_model"]


def save_model(rec: Any, path: str | os.PathLike[str]) -> None:
    """Save a recommender to a single file, without pickle.

    The file is an uncompressed ZIP file with a member `model.json`, which describes the model, and a .npy member for
    each array. It can be opened with any ZIP program. It holds the parameters and all attributes, so that
    `partial_fit` and warm starts continue as if the model had not been saved.

    Parameters
    ----------
    rec : estimator
        Recommender, fitted or not, or a :class:`~sklearn.pipeline.Pipeline` of recommenders and transformers of this
        package. Other estimators can be saved, too, if their attributes are numbers, strings, arrays, sparse matrices,
        containers of these, or estimators.
    path : str or path-like
        File to write. An existing file is replaced when the new file is complete, and stays as it is if saving fails.

    Raises
    ------
    TypeError
        If `rec` is not an estimator, if it is a search (save its `best_estimator_`), or if it has callbacks or an
        attribute that a file cannot hold, such as a function as `scoring`. The message names the attribute.
    OSError
        If `path` is a folder, if its folder does not exist, or if it cannot be written.

    See Also
    --------
    load_model : Load the file.

    Notes
    -----
    The time is that of writing the arrays. The arrays are not copied. Strings are joined, which takes as much memory as
    their characters. An array that several attributes share is written once. Equal models give equal files if the
    versions of the packages are the same.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_recsketch import PopularityRecommender, load_model, save_model
    >>> rec = PopularityRecommender().fit([["ann", 7], ["ann", 9], ["bob", 9]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(rec, Path(folder) / "model.zip")
    ...     loaded = load_model(Path(folder) / "model.zip")
    >>> loaded.recommend("bob")
      user  rank  item  score
    0  bob     1     7    1.0
    """
    if isinstance(rec, type) or not isinstance(rec, BaseEstimator):
        raise TypeError(f"rec must be an estimator, such as a recommender or a Pipeline, got {rec!r}.")
    path = Path(path)
    _refuse_folder(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(path.parent)!r} does not exist. Create it before saving a model.")
    encoder = Encoder((*VALUE_CODECS, *object_codecs({})))
    model = encoder.encode(rec, type(rec).__name__)
    try:
        with atomic_write(path) as file:
            write_container(file, model, encoder.arrays)
    except PermissionError as error:
        raise PermissionError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def load_model(path: str | os.PathLike[str], *, mmap_mode: str | None = None, trusted: Iterable[type] = ()) -> Any:
    """Load a model that `save_model` saved.

    No code from the file is executed. Only estimators of this package, :class:`~sklearn.pipeline.Pipeline` and the
    classes in `trusted` are created.

    Parameters
    ----------
    path : str or path-like
        File to load.
    mmap_mode : {None, "r"}, default=None
        If "r", arrays are mapped into memory and are read-only. Loading then takes no longer for a large model than for
        a small one, parts of the file are read when they are used, and processes that load the same file share its
        memory. Only strings are read at once. Methods that change the model, such as `partial_fit`, replace the arrays
        in memory and leave the file as it is.
    trusted : list of classes, default=()
        Other estimator classes that the file may contain, for example ``[MyRecommender]``. Their constructors and their
        methods ``__setstate__`` are called.

    Returns
    -------
    estimator
        The saved model.

    Raises
    ------
    ModelFileError
        If the file is damaged, if it is no model file, if it contains another class, or if a newer version of this
        package wrote it in a newer format. This is a ValueError.
    OSError
        If `path` does not exist, is a folder or cannot be read.

    See Also
    --------
    save_model : Save a model.

    Notes
    -----
    The checksums of the description of the model and of all arrays are verified. With ``mmap_mode="r"``, arrays of more
    than 1 MiB are not verified, because they would have to be read completely. To verify them, load the file once
    without `mmap_mode`.

    Checksums reveal damage, but not forgery. Loading a forged file does not execute code, but the loaded model may have
    any parameters, and attributes that do not fit together. Do not use models from sources that you do not trust.
    """
    if mmap_mode not in (None, "r"):
        raise ValueError(f"mmap_mode must be None or 'r', got {mmap_mode!r}. Other modes would change the file.")
    classes = known_classes(trusted)
    path = Path(path)
    _refuse_folder(path)
    with path.open("rb") as file:
        try:
            container = ModelContainer(file, os.fstat(file.fileno()).st_size, mmap_mode == "r")
            return Decoder((*VALUE_CODECS, *object_codecs(classes)), container).decode(container.model)
        except ModelFileError as error:
            raise ModelFileError(f"{str(path)!r} cannot be loaded: {error}.") from error
        except (OSError, MemoryError, Warning):
            raise
        except Exception as error:  # nodes that do not have the entries of their kind
            raise ModelFileError(
                f"{str(path)!r} cannot be loaded: its description of the model is damaged ({type(error).__name__}: "
                f"{error})."
            ) from error


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, but a model is a single file.")
