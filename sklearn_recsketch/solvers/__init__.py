"""What runs the kernels: half-sweeps of WRMF, passes of WARP and BPR, exact ranking."""
