"""Learning to rank from sampled pairs, as used by WARP and BPR."""
