"""Sky geometry: positions, tiles and footprints."""
