"""Facts in, log lines and Prometheus samples out: the only place that knows of either."""
