"""A finished experiment or audit as a correction: maps, weights, coefficients, and the bias as a model for mocks."""
