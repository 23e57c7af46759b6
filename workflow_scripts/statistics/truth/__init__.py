"""Predictions against labels that are taken for true."""
