"""The shell's ``bras``: parse, call, print; nothing else."""
