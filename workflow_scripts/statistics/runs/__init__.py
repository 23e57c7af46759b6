"""The training run as the unit of replication."""
