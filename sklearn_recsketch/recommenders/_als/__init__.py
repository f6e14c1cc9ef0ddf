"""Weighted alternating least squares, the algorithm that trains WRMF."""
