"""Numba kernels, which are compiled on first use and release the GIL.

Each kernel call runs in a single thread and usually processes a range of rows.
"""
