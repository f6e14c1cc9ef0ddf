"""Learning to rank from sampled pairs, the algorithm of WARP and BPR."""
