"""The result of an audit in plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.audits.audit_findings import AuditFinding, Findings


def audit_verdict(
    findings: Findings,
    ledger: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    positive: str,
    n: int,
    alpha: float,
) -> str:
    """A few sentences: is there a dipole, what the paper-style number is and why, what could be seen.

    `ledger` has the adjusted p of every test, `details` what `suite.sky_details` gives, `positive` the class counted
    and `n` the galaxies.
    """
    adjusted = {row["name"]: row["adjusted"] for row in ledger}
    sentences = [
        *_dipoles(findings, adjusted, positive, n, alpha),
        _blocks(findings, adjusted, alpha),
        _weak_axis(findings),
        _paper_style(findings),
        *_differences(findings, adjusted, alpha),
        _templates(findings),
        _errors(findings, adjusted, alpha),
        _power(findings, details),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def direction(extra: Mapping[str, Any]) -> str:
    """`(RA 283°, Dec -56°)`."""
    return f"(RA {extra['axis_ra']:.0f}°, Dec {extra['axis_dec']:+.0f}°)"


def _named(findings: Findings, name: str) -> list[AuditFinding]:
    return [finding for finding in findings.found if finding.test.name.split(" ")[0] == name]


def _dipoles(findings: Findings, adjusted: Mapping[str, float], positive: str, n: int, alpha: float) -> list[str]:
    scores = _named(findings, "dipole_score")
    if not scores:
        reason = next((line for line in findings.not_run if line.startswith("dipole score")), "no test could be made")
        return [f"Whether the labels depend on the position on the sky cannot be answered ({reason})."]
    sentences = []
    for number, finding in enumerate(scores):
        test, p = finding.test, adjusted[finding.test.name]
        who = f" in column {finding.extra['annotation']}" if len(scores) > 1 else ""
        what = f"the fraction of '{positive}'{who}" if number == 0 else f"the fraction{who}"
        if p < alpha:
            sentences.append(
                f"{what[0].upper()}{what[1:]} depends on the position on the sky: a dipole of {test.estimate:.4f}"
                f" (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}) towards {direction(finding.extra)}, adjusted"
                f" p = {p:.2g} with {n:,} galaxies as the unit. Why is another question."
            )
        else:
            sentences.append(
                f"No dipole of {what} was found among {n:,} galaxies (adjusted p = {p:.2g}, level {alpha:g}): its"
                f" amplitude is {test.estimate:.4f} (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}), below"
                f" {finding.extra['upper_limit_95']:.4f} (95 %, one-sided)."
            )
    return sentences


def _blocks(findings: Findings, adjusted: Mapping[str, float], alpha: float) -> str:
    blocks = [finding for finding in findings.found if finding.test.name.startswith("block_dipole") and _first(finding)]
    score = findings.get("dipole_score")
    if score is None or not blocks or adjusted["dipole_score"] >= alpha:
        return ""
    largest = max(blocks, key=lambda finding: finding.test.deciding_p or 0.0)
    p = largest.test.deciding_p or 0.0
    if p < alpha:
        return ""
    return (
        f"But with blocks of sky as the unit, p = {p:.2g} ({largest.test.name.replace('_', ' ')}): neighbours may share"
        " what makes their labels."
    )


def _first(finding: AuditFinding) -> bool:
    return " " not in finding.test.name


def _weak_axis(findings: Findings) -> str:
    score = findings.get("dipole_score")
    if score is None or not score.extra["weak_axis_suspicious"]:
        return ""
    return (
        f"Its axis lies {score.extra['weak_axis_angle_deg']:.0f}° from the footprint's weak direction, where noise"
        " tends to point: suspect the footprint first."
    )


def _paper_style(findings: Findings) -> str:
    scan = findings.get("cosine_scan_paper_style")
    if scan is None:
        return ""
    extra = scan.extra
    whose = f"labels of {extra['annotation']}" if _several(findings) else "same labels"
    return (
        f"In the style of earlier studies, the {whose} show a cosine dipole of {extra['max_sigma']:.2f} 'sigma' at"
        f" {direction(extra)}; as the largest over all axes that is p = {scan.test.p:.2g}"
        f" ({extra['equivalent_sigma']:.1f} sigma). Without any dipole such labels give"
        f" {extra['sigma_without_dipole']:.1f} 'sigma' here."
    )


def _differences(findings: Findings, adjusted: Mapping[str, float], alpha: float) -> list[str]:
    sentences = []
    for finding in _named(findings, "difference_dipole"):
        test, p = finding.test, adjusted[finding.test.name]
        first, second = finding.extra["annotations"]
        suffix = test.name.removeprefix("difference_dipole")
        overall = findings.get(f"mcnemar{suffix}")
        shift = ""
        if overall:
            chance = f"adjusted p = {adjusted[overall.test.name]:.2g}"
            shift = f"; their overall fractions differ by {overall.test.estimate:+.4f} ({chance})"
        if p < alpha:
            sentences.append(
                f"The difference between {first} and {second} depends on position: a dipole of {test.estimate:.4f}"
                f" (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}) towards {direction(finding.extra)}, adjusted"
                f" p = {p:.2g}{shift}."
            )
        else:
            limit = finding.extra["upper_limit_95"]
            sentences.append(
                f"The difference between {first} and {second} has no dipole that differs from chance (adjusted"
                f" p = {p:.2g}, below {limit:.4f} at 95 %){shift}."
            )
    return sentences


def _templates(findings: Findings) -> str:
    found, score = findings.get("dipole_after_templates"), findings.get("dipole_score")
    if found is None or score is None:
        return ""
    sentence = (
        f"With {', '.join(found.extra['templates'])} regressed out, the dipole is {found.test.estimate:.4f}"
        f" (p = {found.test.p:.2g}; without, {score.test.estimate:.4f}, p = {score.test.p:.2g})"
    )
    if found.extra["retained_worst_share"] < 0.9:
        sentence += ", but these templates have a dipole themselves and could take away a true one"
    return sentence + "."


def _errors(findings: Findings, adjusted: Mapping[str, float], alpha: float) -> str:
    names = ("false_positive_rate_dipole", "false_negative_rate_dipole")
    found = [finding for name in names if (finding := findings.get(name))]
    if not found:
        return ""
    parts = []
    for finding in found:
        rate = finding.test.name.removesuffix("_dipole").replace("_", " ")
        p = adjusted[finding.test.name]
        verb = "depends" if p < alpha else "does not visibly depend"
        parts.append(f"the {rate} {verb} on position (adjusted p = {p:.2g})")
    score = findings.get("dipole_score")
    whose = f" of {score.extra['annotation']}" if score is not None and _several(findings) else ""
    return f"Against the reference, {' and '.join(part.replace(' rate ', f' rate{whose} ', 1) for part in parts)}."


def _several(findings: Findings) -> bool:
    """Whether the catalog has more than one column of labels."""
    return len(_named(findings, "dipole_score")) > 1


def _power(findings: Findings, details: Mapping[str, Any]) -> str:
    power = details["power"]
    if power is None or findings.get("dipole_score") is None:
        return ""
    best, worst = power["smallest_dipole_best_axis"], power["smallest_dipole_worst_axis"]
    return (
        f"Smaller dipoles than {best:.4f} to {worst:.4f}, depending on the axis, would be missed in more than"
        f" {1 - power['power']:.0%} of such catalogs."
    )
