"""The configuration: validated against its schema, its families expanded, its entries as parameters of rules.

Imported while Snakemake reads the workflow, so nothing here imports a numerical package. Steps that read one of these
modules do not depend on the others, so that this file imports none of them.
"""
