"""Is this a whole image? One decision for services, cutouts from bricks and local files."""
