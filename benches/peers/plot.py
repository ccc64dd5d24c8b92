#!/usr/bin/env python3
"""Makes the tables of docs/BENCHMARKS.md, between its markers, and docs/peers-*.svg from results.json."""

import argparse
import json
import re
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"

OURS, REFERENCE, OTHERS = "#1f6f8b", "#9aa5ab", "#d9a441"
REFERENCES = ("load", "wrk")

WIDTH, LABELS, BAR, GAP = 760, 220, 18, 6


def colour(name):
    return OURS if name.startswith("lead_sync") else REFERENCE if name in REFERENCES else OTHERS


def number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value else "0"


def bars(title, entries):
    """Horizontal bars from zero: (name, label, value), the value as a number at the end of each."""
    most = max(value for _, _, value in entries) or 1
    height = 40 + len(entries) * (BAR + GAP) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for at, (name, label, value) in enumerate(entries):
        top = 40 + at * (BAR + GAP)
        length = (WIDTH - LABELS - 80) * value / most
        out.append(f'<text x="{LABELS - 8}" y="{top + 14}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect x="{LABELS}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colour(name)}"/>')
        out.append(f'<text x="{LABELS + length + 6:.1f}" y="{top + 14}">{number(value)}</text>')
    return "\n".join([*out, "</svg>\n"])


def table(header, rows):
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


class Results:
    def __init__(self, found):
        self.found, self.labels = found, found["labels"]

    def cell(self, latency_ms, in_flight):
        """The entries of one cell, fastest first."""
        of = [
            entry
            for entry in self.found.get("send", [])
            if (entry["latency_ms"], entry["in_flight"]) == (latency_ms, in_flight)
        ]
        return sorted(of, key=lambda entry: -entry["per_second"])

    def cells(self):
        return sorted({(entry["latency_ms"], entry["in_flight"]) for entry in self.found.get("send", [])})

    def machine(self):
        machine, versions = self.found["machine"], self.found["versions"]
        lines = []
        if self.found["quick"]:
            lines.append(
                "**A quick run**: small exports, one run each. It shows that the comparison works; its figures are not to be quoted.\n"
            )
        lines.append(
            f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, {machine['kernel']}, {machine['file_system']}, "
            f"fsync of 4 KiB {machine['fsync_us']} µs; load average before {machine['load_before'][0]}, after {machine['load_after'][0]}.\n"
        )
        lines.append(
            "Versions: "
            + ", ".join(f"{name} {version.removeprefix(name + ' ')}" for name, version in versions.items())
            + "."
        )
        if left_out := self.found["left_out"]:
            lines.append("\nLeft out: " + ", ".join(f"{name} ({reason})" for name, reason in left_out.items()) + ".")
        return "\n".join(lines)

    def send(self):
        parts = []
        for latency_ms, in_flight in self.cells():
            entries = self.cell(latency_ms, in_flight)
            ours = next((entry["per_second"] for entry in entries if entry["peer"] == "lead_sync"), None)
            rows = [
                [
                    self.labels[entry["peer"]],
                    number(entry["per_second"]),
                    f"{ours / entry['per_second']:.2f} ×" if ours else "",
                    number(entry["per_second_wall"]),
                    number(entry["cpu_us"]),
                    number(entry["memory_mb"]),
                    f"{entry['rows']:,} × {entry['runs']}",
                ]
                for entry in entries
            ]
            header = [
                "",
                "leads/s",
                "lead-sync is",
                "with start and reading",
                "µs CPU a lead",
                "peak MB",
                "leads × runs",
            ]
            parts.append(f"### {latency_ms} ms, {in_flight} in flight\n\n" + table(header, rows))
        return "\n\n".join(parts)

    def start(self):
        rows = [
            [
                self.labels[entry["peer"]],
                f"{entry['seconds']:.3f}",
                f"{entry['cpu_seconds']:.3f}",
                number(entry["memory_mb"]),
            ]
            for entry in sorted(self.found.get("start", []), key=lambda entry: entry["seconds"])
        ]
        return table(["one lead", "s", "s CPU", "peak MB"], rows)

    def again(self):
        rows = [
            [
                self.labels[entry["peer"]],
                *(f"{entry[turn]:,}" for turn in ("first", "same", "changed")),
                *("yes" if sent else "**no**" for sent in entry["arrived"].values()),
            ]
            for entry in self.found.get("again", [])
        ]
        kinds = list(next(iter(self.found.get("again", [])), {"arrived": ()})["arrived"])
        return table(["requests", "first time", "same file again", "three rows changed", *kinds], rows)

    def killed(self):
        rows = []
        for entry in self.found.get("killed", []):
            each = lambda figure: " · ".join(str(kill[figure]) for kill in entry["kills"])  # noqa: E731, B023
            rows.append(
                [
                    self.labels[entry["peer"]],
                    f"{entry['rows']:,}",
                    *(
                        each(figure)
                        for figure in ("stored_at_kill", "lost", "doubled", "held", "held_not_stored", "requests")
                    ),
                ]
            )
        return table(
            [
                "",
                "leads",
                "stored at the kill",
                "lost",
                "doubled",
                "held for a person",
                "of these not stored",
                "requests in all",
            ],
            rows,
        )

    def losses(self):
        """Where something else was better than lead-sync, by these figures."""
        figures = (("per_second", "faster", 1), ("cpu_us", "less CPU a lead", -1), ("memory_mb", "less memory", -1))
        lines = []
        for latency_ms, in_flight in self.cells():
            entries = self.cell(latency_ms, in_flight)
            ours = next((entry for entry in entries if entry["peer"] == "lead_sync"), None)
            for figure, word, sign in figures if ours else ():
                better = [entry for entry in entries if sign * entry[figure] > sign * ours[figure]]
                if better:
                    names = ", ".join(
                        f"{self.labels[entry['peer']]} ({number(entry[figure])} to {number(ours[figure])})"
                        for entry in better
                    )
                    lines.append(f"- {latency_ms} ms, {in_flight} in flight, {word}: {names}")
        return "\n".join(lines) or "In no figure of this run."

    def plots(self):
        for latency_ms in (0, 20):
            if entries := self.cell(latency_ms, 64):
                rates = [(entry["peer"], self.labels[entry["peer"]], entry["per_second"]) for entry in entries]
                yield (
                    f"peers-rate-{latency_ms}ms",
                    bars(f"leads/s, 64 in flight, {latency_ms} ms server latency (more is better)", rates),
                )
        if entries := self.cell(20, 64):
            cpu = sorted(
                ((entry["peer"], self.labels[entry["peer"]], entry["cpu_us"]) for entry in entries),
                key=lambda row: row[2],
            )
            yield "peers-cpu", bars("µs CPU a lead, 64 in flight, 20 ms server latency (less is better)", cpu)
        if entries := self.found.get("killed"):
            share = lambda entry: max(100 * kill["doubled"] / entry["rows"] for kill in entry["kills"])  # noqa: E731
            doubled = sorted(
                ((entry["peer"], self.labels[entry["peer"]], share(entry)) for entry in entries), key=lambda row: row[2]
            )
            yield "peers-killed", bars("% of the leads doubled, at the worst of the kills (less is better)", doubled)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=HERE / "results.json")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of BENCHMARKS.md")
    chosen = parser.parse_args()
    results = Results(json.loads(chosen.results.read_text()))
    page = chosen.docs / "BENCHMARKS.md"
    text = page.read_text()
    for name in ("machine", "start", "send", "again", "killed", "losses"):
        made = getattr(results, name)()
        text, count = re.subn(
            rf"(<!-- peers:{name} -->\n).*?(<!-- /peers -->)", lambda at: f"{at[1]}{made}\n{at[2]}", text, flags=re.S
        )
        if count != 1:
            parser.error(f"{page} has {count} places for {name}, not one")
    page.write_text(text)
    for name, svg in results.plots():
        (chosen.docs / f"{name}.svg").write_text(svg)


if __name__ == "__main__":
    main()
