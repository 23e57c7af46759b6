"""Catalogs: tables of galaxies read from any of the field's formats, and the hygiene gate they pass."""
