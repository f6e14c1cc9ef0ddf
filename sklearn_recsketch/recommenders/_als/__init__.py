"""Weighted alternating least squares, the algorithm of WRMF."""
