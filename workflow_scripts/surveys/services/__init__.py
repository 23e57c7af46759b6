"""One client for each public service of cutouts: what its URLs are, and what its responses mean."""
