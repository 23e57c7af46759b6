"""The pages of experiments and audits: one HTML file each that needs nothing from outside."""
