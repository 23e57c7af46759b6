"""Readers of table files, one module a kind of format; all give the same `table_file.TableFile`."""
