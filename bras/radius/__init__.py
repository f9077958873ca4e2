"""RADIUS client: codec, requests with fail-over, accounting, and the Profile they make."""
