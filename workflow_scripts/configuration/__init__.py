"""The configuration: validated against its schema, its families expanded, its entries as parameters of rules.

Imported while Snakemake reads the workflow, so nothing here imports a numerical package.
"""

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter, readable
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.runs import Run

__all__ = ["Configuration", "Run", "as_parameter", "check_user_files", "load", "readable"]
