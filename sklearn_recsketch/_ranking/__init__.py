"""Ranking: queries, candidates, and exact top-k lists."""
