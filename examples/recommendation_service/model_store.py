"""Hold the current model, and replace it when its file is replaced."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from recommendation_service.loaded_model import LoadedModel

log = logging.getLogger("uvicorn.error")  # the log of the server


class ModelStore:
    """Holds the current model. A background thread loads the model file again when the file is replaced.

    A request reads `current` once and uses this model until it is answered, even if the model is replaced meanwhile. If
    the new file cannot be loaded, the error is logged and the current model stays.

    Replace the file atomically: write the new model to another file in the same folder, and rename this file, as
    `save_model` does. If the file of titles changes as well, replace it before the model file.

    Parameters
    ----------
    path : Path
        Model file.
    load : callable
        Function that loads the model file. If it fails for the first model, its exception is raised.
    seconds : float
        Time between two looks at the file.
    """

    def __init__(self, path: Path, load: Callable[[], LoadedModel], seconds: float = 1.0) -> None:
        self._path, self._load, self._seconds = path, load, seconds
        self._signature = self._read_signature()
        self.current = load()
        self.last_error: str | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to watch the file."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._watch, name="model file", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop to watch the file. If a model is being loaded, wait for it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> bool:
        """Load the model file if it has been replaced. Return whether there is a new model."""
        signature = self._read_signature()
        if signature == self._signature:
            return False
        # If the file is replaced again during loading, its signature differs at the next look.
        self._signature = signature
        try:
            model = self._load()
        except Exception as error:  # a broken file must not stop the service, whatever is wrong with it
            self.last_error = f"{type(error).__name__}: {error}"
            log.exception("Cannot load %s. The service continues with model %s.", self._path, self.current.version)
            return False
        log.info("Model %s replaces model %s.", model.version, self.current.version)
        self.current, self.last_error = model, None
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds):
            self.check()

    def _read_signature(self) -> tuple[int, ...] | None:
        """Return numbers that change when the file is replaced, or None if there is no file."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
