"""The rim: the one deterministic machine, ``Lns.handle(input, now) -> list[Effect]``."""
