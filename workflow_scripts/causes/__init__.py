"""Why networks differ: what an experiment makes of probes."""
