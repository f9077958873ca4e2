"""What the data plane must do for one subscriber, and how it is told."""
