"""Numba kernels. Each kernel processes a range in one thread, releases the GIL and is compiled on first use."""
