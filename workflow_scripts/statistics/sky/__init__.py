"""What depends on the position on the sky: sums over galaxies and pixels in, dipoles and their tests out."""
