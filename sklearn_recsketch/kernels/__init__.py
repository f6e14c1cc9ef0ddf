"""Numba kernels: single-threaded over a range, without the GIL, compiled at first use."""
