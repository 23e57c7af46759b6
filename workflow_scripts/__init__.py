"""The steps of the workflow (one small command line each) and the packages that hold what they know."""

__version__ = "0.1.0"
