"""Two or more networks on the same galaxies: results hold for these networks only."""
