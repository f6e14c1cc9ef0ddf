"""Check that progress bars can be displayed."""

from __future__ import annotations

from typing import Any, Self

from sklearn.callback import CallbackSupportMixin, ProgressBar

from sklearn_recsketch.utils._extras import import_extra

__all__ = ["ProgressBarCheckMixin"]


class ProgressBarCheckMixin(CallbackSupportMixin):
    """Callback support that refuses progress bars in notebooks without ipywidgets.

    rich draws progress bars in notebooks with ipywidgets. Without it, no bar is shown, and rich issues a warning for
    each update.
    """

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set callbacks for the estimator.

        Parameters
        ----------
        *callbacks : callback instances
            Callbacks that are called during `fit`. They replace the current callbacks.

        Returns
        -------
        self
            The estimator.
        """
        if any(isinstance(callback, ProgressBar) for callback in callbacks) and _is_notebook():
            import_extra(
                "ipywidgets",
                "progress",
                "ProgressBar needs ipywidgets in a notebook. Install it and restart the kernel",
            )
        return super().set_callbacks(*callbacks)


def _is_notebook() -> bool:
    """Whether rich would draw progress bars with ipywidgets."""
    from rich import get_console  # ProgressBar has checked that rich is installed

    return get_console().is_jupyter
