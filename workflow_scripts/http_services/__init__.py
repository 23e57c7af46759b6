"""Politeness and safety towards public HTTP services, whatever the client library."""
