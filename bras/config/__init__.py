"""The configuration: its model (frozen, with units) and how a TOML file becomes one."""
