"""Print what the validator of RO-Crates has against a crate, a line each: `validate_crate.py CRATE PROFILE`.

Run by the Python of `make crate-validator`. Nothing is requested: the context comes from the library rocrate.
"""

import json
import sys
import tempfile
from pathlib import Path

import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils import http

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class ContextResponse:
    """The context of RO-Crate 1.3, as the library has it, with the term that has another meaning in 1.1."""

    status_code = 200
    headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012

    def json(self):
        context = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text(encoding="utf-8"))
        context["@context"]["ComputationalWorkflow"] = "https://bioschemas.org/ComputationalWorkflow"
        return context

    @property
    def text(self):
        return json.dumps(self.json())


def only_context(requester, url, *arguments, **options):
    if url != CONTEXT:
        raise RuntimeError(f"{url} was requested")
    return ContextResponse()


if __name__ == "__main__":
    http.HttpRequester.get = only_context
    with tempfile.TemporaryDirectory() as folder:
        result = services.validate(
            services.ValidationSettings(
                rocrate_uri=sys.argv[1],
                profile_identifier=sys.argv[2],
                requirement_severity=models.Severity.REQUIRED,
                offline=True,
                cache_path=str(Path(folder) / "cache"),
            )
        )
    for issue in result.get_issues():
        print(issue.check.identifier, issue.message)
    if not result.passed() and not result.get_issues():
        print("not passed")
