"""L2TP version 2 (RFC 2661), both ends of the control connection, and nothing else."""
