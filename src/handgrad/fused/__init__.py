"""The fused engine: the notes' numbers from kernels that never hold T1, H1 or T2."""
