"""Cutouts from the bricks of the Legacy Surveys: whole files are fetched, and cut on this machine."""
