"""A finished experiment as one file to deposit: what it holds, and the RO-Crate that describes it."""
