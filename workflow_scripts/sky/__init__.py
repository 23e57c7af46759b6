"""Sky geometry: positions, tiles, footprints, and training sets matched across them."""
