"""Addresses for subscribers: who holds which, and which one is given next."""
