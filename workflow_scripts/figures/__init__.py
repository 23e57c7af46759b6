"""Figures: drawn from result files alone, so that a colour never repeats a measurement."""
