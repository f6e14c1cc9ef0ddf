"""Numba kernels: each processes a range in one thread, releases the GIL and is compiled when it is first called."""
