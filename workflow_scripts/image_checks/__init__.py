"""Is this a whole image? One answer for services, brick files and local files."""
