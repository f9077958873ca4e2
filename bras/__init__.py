"""bras: a RADIUS-integrated L2TP network server (LNS) for Internet providers."""

__version__ = "0.1.0"
