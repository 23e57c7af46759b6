"""The result of an audit in plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.audits.audit_findings import AuditFinding, Findings
from workflow_scripts.audits.table_pieces import AuditColumns


def audit_verdict(
    findings: Findings,
    ledger: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    columns: AuditColumns,
    positive: str,
    n: int,
    alpha: float,
) -> str:
    """A few sentences: is there a dipole, what the paper-style number is and why, what could be seen.

    `ledger` has the adjusted p of every test, `details` what `suite.sky_details` gives, `positive` the class counted
    and `n` the galaxies.
    """
    adjusted = {row["name"]: row["adjusted"] for row in ledger}
    of_labels = _of_scores if columns.threshold is not None else _dipoles
    sentences = [
        *of_labels(findings, adjusted, columns, positive, n, alpha),
        _weights(details),
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


def _of_scores(
    findings: Findings, adjusted: Mapping[str, float], columns: AuditColumns, positive: str, n: int, alpha: float
) -> list[str]:
    """The score first, then the labels that it makes at the threshold."""
    score, labels = findings.get("score_dipole"), findings.get("dipole_score")
    if score is None:
        reason = next((line for line in findings.not_run if line.startswith("score_dipole")), "no test could be made")
        return [f"Whether the score {columns.score} depends on the position on the sky cannot be answered ({reason})."]
    sentences = [_dipole(score, adjusted[score.test.name], f"the mean score {columns.score}", score.test.n, alpha)]
    if labels is not None:
        test = labels.test
        sentences.append(
            f"Labels are a secondary question: with scores of {columns.threshold:g} and more taken for positive, the"
            f" dipole of the fraction is {test.estimate:.4f} (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}), adjusted"
            f" p = {adjusted[test.name]:.2g}."
        )
    return sentences


def _dipole(finding: AuditFinding, p: float, what: str, n: int, alpha: float) -> str:
    test = finding.test
    if p < alpha:
        return (
            f"{what[0].upper()}{what[1:]} depends on the position on the sky: a dipole of {test.estimate:.4f}"
            f" (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}) towards {direction(finding.extra)}, adjusted"
            f" p = {p:.2g} with {n:,} galaxies as the unit. Why is another question."
        )
    return (
        f"No dipole of {what} was found among {n:,} galaxies (adjusted p = {p:.2g}, level {alpha:g}): its"
        f" amplitude is {test.estimate:.4f} (95 %: {test.ci95[0]:.4f} to {test.ci95[1]:.4f}), below"
        f" {finding.extra['upper_limit_95']:.4f} (95 %, one-sided)."
    )


def _weights(details: Mapping[str, Any]) -> str:
    if (weights := details.get("weights")) is None:
        return ""
    return (
        f"Galaxies are weighted by {weights['column']}: all together are as good as {weights['effective_n']:,.0f} of"
        f" equal weight, and {len(weights['refused'])} kinds of tests that have no weighted form were not made."
    )


def _dipoles(
    findings: Findings, adjusted: Mapping[str, float], columns: AuditColumns, positive: str, n: int, alpha: float
) -> list[str]:
    scores = _named(findings, "dipole_score")
    if not scores:
        reason = next((line for line in findings.not_run if line.startswith("dipole score")), "no test could be made")
        return [f"Whether the labels depend on the position on the sky cannot be answered ({reason})."]
    sentences = []
    for number, finding in enumerate(scores):
        who = f" in column {finding.extra['annotation']}" if len(scores) > 1 else ""
        what = f"the fraction of '{positive}'{who}" if number == 0 else f"the fraction{who}"
        sentences.append(_dipole(finding, adjusted[finding.test.name], what, n, alpha))
    return sentences


def _blocks(findings: Findings, adjusted: Mapping[str, float], alpha: float) -> str:
    score = findings.primary_dipole
    kind = "score_block_dipole" if score is not None and score.test.name == "score_dipole" else "block_dipole"
    blocks = [finding for finding in findings.found if finding.test.name.startswith(kind) and _first(finding)]
    if score is None or not blocks or adjusted[score.test.name] >= alpha:
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
    score = findings.primary_dipole
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
    whose += " without weights" if findings.refused else ""
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
    if power is None or findings.primary_dipole is None:
        return ""
    best, worst = power["smallest_dipole_best_axis"], power["smallest_dipole_worst_axis"]
    return (
        f"Smaller dipoles than {best:.4f} to {worst:.4f}, depending on the axis, would be missed in more than"
        f" {1 - power['power']:.0%} of such catalogs."
    )
