#!/usr/bin/env python3
"""lead-sync beside what people use today: the same leads, server and machine, in one run. See docs/BENCHMARKS.md.

Needs a release build of lead-sync, the bench binary (`cargo bench --no-run`) and the programs that setup.sh fetches;
`just peers` does all of it. Uses loopback only, works in target/, writes benches/peers/results.json.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import again
import killed
import machine
import send
from peers import HERE, ROOT, Tools, available

PARTS = ("send", "again", "killed")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them if none is named")
    parser.add_argument("--quick", action="store_true", help="64 in flight, one run each, small exports: does it work?")
    parser.add_argument("--peers", help="only these, by name, separated by commas")
    parser.add_argument("--figures", help="the bench binary; otherwise the newest target/release/deps/figures-*")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="where the results go")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return chosen


def find_tools(figures):
    """The release binaries; the message of what is missing otherwise."""
    lead_sync = os.environ.get("LEAD_SYNC", str(ROOT / "target/release/lead-sync"))
    built = [path for path in (ROOT / "target/release/deps").glob("figures-*") if os.access(path, os.X_OK)]
    figures = figures or str(max(built, key=lambda path: path.stat().st_mtime, default=""))
    if not Path(lead_sync).is_file() or not Path(figures).is_file():
        sys.exit("no release binaries: `cargo build --release`, `cargo bench --no-run`; or $LEAD_SYNC and --figures")
    return Tools(str(Path(lead_sync).resolve()), str(Path(figures).resolve()))


def main():
    chosen = arguments()
    tools = find_tools(chosen.figures)
    peers, missing = available(tools)
    if chosen.peers:
        peers = [peer for peer in peers if peer.name in chosen.peers.split(",")]
    say = lambda line: print(line, flush=True)  # noqa: E731
    for name, reason in missing.items():
        say(f"left out: {name} ({reason})")

    # On the disk of the build: /tmp may be memory, where an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=ROOT / "target", prefix="peers-work-") as work:
        results = measure(chosen, tools, peers, missing, Path(work), say)
    chosen.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def measure(chosen, tools, peers, missing, work, say):
    """Everything that results.json holds."""
    exports, folder = send.Exports(tools.figures, work), work / "run"
    results = {"quick": chosen.quick, "machine": machine.describe(work), "versions": machine.versions(tools)}
    results |= {"left_out": missing, "labels": {peer.name: peer.label for peer in peers}}
    of = lambda part: [peer for peer in peers if part in peer.parts]  # noqa: E731
    for part in PARTS:
        if chosen.parts and part not in chosen.parts:
            continue
        if part == "send":
            cells = [(latency, count) for latency in (0, 20) for count in ((64,) if chosen.quick else (16, 64, 256))]
            repeats, seconds = (1, 0.5) if chosen.quick else (3, 2)
            results["start"] = send.start(of(part), tools, exports, folder, 64, say)
            results[part] = send.measure(
                of(part), results["start"], tools, exports, folder, cells, repeats, seconds, say
            )
        elif part == "again":
            results[part] = again.measure(of(part), tools, exports, folder, 300 if chosen.quick else 2000, say)
        else:
            rows, moments = (150, (1 / 3,)) if chosen.quick else (1500, (1 / 6, 1 / 3, 2 / 3))
            results[part] = killed.measure(of(part), tools, exports, folder, rows, moments, say)
    results["machine"]["load_after"] = machine.load()
    return results


if __name__ == "__main__":
    main()
