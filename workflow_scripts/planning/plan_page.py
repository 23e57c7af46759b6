"""The plan as one page of text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from humanfriendly import format_size, format_timespan
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workflow_scripts.answers.design_report import expected_findings

# A pipe has no width of its own.
PIPED_WIDTH = 120

# Before there is a catalog with its cutouts.
_NOT_COUNTED = "whether there are enough galaxies for every training set is checked once the cutouts are there"


def print_page(plan: Mapping[str, Any], console: Console) -> None:
    """Print a plan, as `estimated_plan` gives it."""
    console.print(Text(f"{' + '.join(plan['config_files'])}, results in {plan['directory']}/results", style="dim"))
    for name, stages in plan["groups"].items():
        console.print()
        console.print(Text(name, style="bold"))
        console.print(_table(stages))
        experiment = name.removeprefix("experiment ")
        asked = ("controls", "why", "remedies")
        added = [fact for what in asked for fact in _added_facts(what, plan[what].get(experiment, {}))]
        facts = [*added, *_design_facts(plan["designs"].get(experiment))]
        if facts:
            console.print()
            _print_facts(facts, console)
    console.print()
    if not plan["total"]["to_do"]:
        console.print(Text(f"Nothing to do: all {plan['total']['done']} jobs are done.", style="bold green"))
        return
    _print_facts(_facts(plan), console)


def console_for(stream: Any) -> Console:
    """A console with colour on a terminal (unless NO_COLOR is set) and plain text in a pipe."""
    terminal = stream.isatty()
    return Console(file=stream, highlight=False, width=None if terminal else PIPED_WIDTH, force_terminal=terminal)


def _print_facts(facts: Iterable[tuple[str, str, str]], console: Console) -> None:
    """A line each in a pipe, for programs; on a terminal long ones go on below their beginning."""
    grid = Table.grid()
    grid.add_column(width=10, style="bold")
    grid.add_column()
    for label, text, style in facts:
        if console.is_terminal:
            grid.add_row(label, Text(text, style))
        else:
            console.print(f"{label:<10}{text}", soft_wrap=True, markup=False, emoji=False)
    if console.is_terminal:
        console.print(grid)


def _added_facts(what: str, added: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(label, text, style) of what each control, cause or remedy adds to the runs of its experiment."""
    for number, (kind, row) in enumerate(added.items()):
        jobs = row["done"] + row["to_do"]
        adds = f"{kind} adds {jobs} job{'s' * (jobs != 1)}"
        todo = f", {row['to_do']} to do: core time {_core_time(row)}, disk {format_size(row['disk_bytes'])}"
        yield "" if number else what, f"{adds}{todo if row['to_do'] else ', all done'}", "cyan"


def _core_time(row: Mapping[str, Any]) -> str:
    return f"{'' if row['from_records'] else '~'}{_time(row['core_seconds'])}"


def _design_facts(design: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """(label, text, style) of what is known of a design: what it cannot answer, what it lacks, and its power."""
    if design is None:
        return
    label = "design"
    for sentences, style in (
        ([f"cannot answer: {sentence}" for sentence in design["problems"]], "bold red"),
        (design["galaxies"] or [], "bold red"),
        (design["notes"], "yellow"),
        ([_NOT_COUNTED] if design["galaxies"] is None else [], "yellow"),
        (expected_findings(design), "cyan"),
    ):
        for sentence in sentences:
            yield label, sentence, style
            label = ""


def _table(stages: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("stage", "done", "to do", "shared", "why", "core time", "disk"):
        left = heading in ("stage", "why")
        table.add_column(heading, justify="left" if left else "right", header_style="dim", no_wrap=heading != "why")
    for stage, row in stages.items():
        to_do = row["to_do"]
        table.add_row(
            stage,
            Text(str(row["done"]), style="green" if row["done"] else "dim"),
            Text(str(to_do), style="yellow" if to_do else "dim"),
            Text(str(row["shared"] or ""), style="dim"),
            _why(row),
            Text(_core_time(row) if to_do else "", style="cyan"),
            Text(format_size(row["disk_bytes"]) if to_do else "", style="cyan"),
        )
    return table


def _why(row: Mapping[str, Any]) -> Text:
    reasons = [reason if len(row["why"]) == 1 else f"{reason} {count}" for reason, count in row["why"].items()]
    changes = f" ({'; '.join(row['changes'])})" if row["changes"] else ""
    return Text(", ".join(reasons) + changes, style="yellow")


def _facts(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(label, text, style) of the lines below the tables."""
    total, memory, disk, download = plan["total"], plan["memory_mb"], plan["disk"], plan["download"]
    shared = f"; {total['shared']} belong to several experiments and are counted once" if total["shared"] else ""
    targets = f" (Snakemake counts {plan['target_rules']} more, which names targets)" if plan["target_rules"] else ""
    yield "jobs", f"{total['to_do']} to do{targets}, {total['done']} done{shared}", "yellow"
    if plan["unknown_catalogs"]:
        names = ", ".join(plan["unknown_catalogs"])
        unknown = f"the number of galaxies of {names} is not known before the catalog is fetched"
        yield "", f"all numbers here are too low: {unknown}", "bold red"
    label = "galaxies"
    for name, count in plan["labelled"].items():
        number = "not counted before the catalog is made: all its rows count here" if count is None else f"{count:,}"
        yield label, f"of {name} only those with a label (unlabelled: drop): {number}", "cyan"
        label = ""
    where = f"{plan['slots']} jobs of a cluster at once" if plan["slots"] else f"{plan['cores']} cores"
    gpu = f", GPU time {_time(total['gpu_seconds'])}" if total["gpu_seconds"] else ""
    about = "about " if total["from_records"] else "~"
    core = f"core time {_time(total['core_seconds'])}{gpu}"
    yield "time", f"{about}{_time(plan['wall_seconds'])} on {where}; {core}", "cyan"
    requests = f"{download['requests']} requests, {format_size(download['bytes'])}"
    if plan["unknown_downloads"]:
        requests = f"not known yet; the head of the experiment file gives it for {', '.join(plan['unknown_downloads'])}"
    elif not download["requests"]:
        requests = "nothing"
    yield "download", requests, "cyan"
    replaced = f", in place of {format_size(disk['replaced_bytes'])}" if disk["replaced_bytes"] else ""
    short = disk["written_bytes"] - disk["replaced_bytes"] > disk["free_bytes"]
    free = f"{format_size(disk['written_bytes'])}{replaced}; {format_size(disk['free_bytes'])} are free"
    yield "disk", f"{free}: too little" if short else free, "bold red" if short else "cyan"
    large = not plan["slots"] and memory["at_once"] > memory["machine"]
    most = f"{_memory(memory['largest_job'])} the largest job, {_memory(memory['at_once'])} at once"
    yield "memory", f"{most}: more than this machine has" if large else most, "bold red" if large else "cyan"
    if memory["requests_too_little"]:
        listed = (
            f"{rule} ({_memory(needed)}, requests {_memory(requested)})"
            for rule, (needed, requested) in memory["requests_too_little"].items()
        )
        yield "", f"more than the job requests, which a cluster may kill: {', '.join(listed)}", "bold red"
    label = "estimates"
    for sentence in _sources(plan["estimates"]):
        yield label, sentence, "dim"
        label = ""


def _sources(estimates: list[Mapping[str, Any]]) -> Iterator[str]:
    """What the times rest on: jobs of this folder, and figures that are shipped; --json names the kinds of work."""
    own = [source["records"] for source in estimates if source["records"]]
    if own:
        yield f"by {sum(own):,} jobs that ran in this folder: {len(own)} of {len(estimates)} kinds of work"
    if shipped := len(estimates) - len(own):
        yield f"marked ~ as shipped, measured on another machine: {shipped} of {len(estimates)} kinds of work"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    return format_timespan(60 * round(seconds / 60), max_units=2)


def _memory(megabytes: float) -> str:
    return format_size(round(megabytes * 2**20), binary=False)
