"""Catalog services: tables from SkyServer, from any TAP service, or as a file from the web."""
