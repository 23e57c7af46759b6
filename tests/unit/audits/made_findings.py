"""Findings of an audit with numbers as given, and the answers of some."""

from workflow_scripts.audits.audit_answers import audit_answers
from workflow_scripts.audits.audit_findings import AuditFinding, Findings
from workflow_scripts.audits.table_pieces import AuditColumns
from workflow_scripts.statistics.result import TestResult

COMMON = {"estimand": "", "null": "", "unit_of_replication": "galaxy", "n": 3000}
SKY = {
    "axis_ra": 60.0,
    "axis_dec": 20.0,
    "sky_kind": "sky",
    "largest_possible": 0.4,
    "smaller_share": 0.4,
    "invalid": "",
    "mean": 0.4,
}
POWER = {"power": 0.8, "smallest_dipole_best_axis": 0.05, "smallest_dipole_worst_axis": 0.07}


def finding(name: str, p: float, family: str = "secondary", extra: dict | None = None, **values) -> AuditFinding:
    values = {"estimate": 0.06, "ci95": [0.02, 0.1], "se": 0.02, "statistic": 12.0, "dof": 3, "p": p} | values
    return AuditFinding(TestResult(name=name, family=family, **COMMON, **values), SKY | (extra or {}))


def dipole(p: float, p_permutation: float | None = None, name: str = "dipole_score", **extra) -> AuditFinding:
    column = name.partition(" ")[2] or "a"
    extra = {"annotation": column, "upper_limit_95": 0.09} | extra
    values = {"p_permutation": p if p_permutation is None else p_permutation, "p_smallest": 0.0002, "p_reliable": 1e-6}
    return finding(name, p, "primary", extra, **values)


def blocks(p: float, powerful: bool = True, wider: float = 1.0) -> AuditFinding:
    extra = {"has_power": powerful, "wider": wider, "upper_limit_95": 0.06 + 0.03 * wider}
    return finding("block_dipole", p, extra=extra, dof=[3, 40], ci95=[0.0, 0.06 + 0.04 * wider])


def asked(*found: AuditFinding, labels=("a",), alpha: float = 0.01, effect: float | None = None, **columns) -> list:
    findings = Findings(list(found))
    details = {"power": POWER}
    columns = AuditColumns(labels, **columns)
    return audit_answers(findings, findings.ledger(alpha), details, columns, "spiral", alpha, effect)
