"""The lab: a LAC with subscribers and a RADIUS server, for demos, tests and acceptance."""
