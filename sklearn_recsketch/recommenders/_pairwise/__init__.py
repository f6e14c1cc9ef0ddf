"""Learning to rank from sampled pairs, the algorithm that trains WARP and BPR."""
