"""Surveys: where pixels come from. One client each, behind one interface."""
