"""Catalog services: tables asked of SkyServer, of any TAP service, or taken as a file from the web."""
