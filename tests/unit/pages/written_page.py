"""The page of an experiment as the step writes it."""

from tests.unit.bias.synthetic_experiment import measured
from workflow_scripts.write_verdict import main, parser


def written(folder, given):
    """Summary, tables and page of an experiment, the page by the step."""
    summary, tables = measured(folder, given)
    main(parser.parse_args(["--bias-folder", str(folder / "bias"), "--output", str(folder / "page.html")]))
    return summary, tables, (folder / "page.html").read_text()
