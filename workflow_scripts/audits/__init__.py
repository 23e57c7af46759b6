"""Audits: what a finished catalog of labelled galaxies, made by anyone with anything, shows on the sky."""
