"""One experiment's bias: from the annotations of its runs to tables, sky maps, tests and a verdict."""
