"""The data plane: what carries subscribers' packets, behind one Protocol."""
