"""The subscriber as one machine: Link, Network, Profile, lease, accounting and Entry."""
