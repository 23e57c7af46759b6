"""Statistics of annotations on the sky: a function a test, sums over galaxies in, small results out.

No TensorFlow, no plotting, no files.
"""
