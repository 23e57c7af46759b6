"""Fractions and their differences, without positions."""
