"""Other libraries as what computes behind the recommenders: `engine="implicit"` and `engine="lightfm"`."""
