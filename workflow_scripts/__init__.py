"""The steps of the workflow (one small command line each) and the packages that hold what they know."""
