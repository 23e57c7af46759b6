"""The simulated survey: a sky with a known truth, rendered with GalSim through the same path as real pixels."""
