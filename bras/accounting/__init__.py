"""Accounting that can be billed on: what is told to whom, in which order, and what stands on disk until it is."""
