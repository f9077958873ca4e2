"""Match expressions: ``user=~"^a.*@x" and down_rate>1M``: what to show of a long list, and in which order."""
