"""The page of an experiment: the verdict, and every number behind it."""
