"""Training sets: split of the galaxies, matching, sharing between footprints, and balance."""
