"""How fast: the same export to the same server, by each program in turn."""

import shutil
import statistics
import subprocess
import sys

from peers import CLIENTS, Job
from servers import Bench, metered

sys.path.insert(0, str(CLIENTS))
import lead  # noqa: E402  (the clients' own module)

# Slower than this, one run instead of three: their spread is small beside their distance.
FAST = 3_000


class Exports:
    """Exports by number of rows, written once by the bench binary, with the bytes of the bodies they become."""

    def __init__(self, figures, folder):
        self._figures, self._folder, self._bytes = figures, folder, {}

    def of(self, rows):
        path = self._folder / f"leads-{rows}.csv"
        if not path.exists():
            subprocess.run([self._figures, "export", path, str(rows)], check=True)
        return path

    def bytes(self, rows):
        if rows not in self._bytes:
            self._bytes[rows] = sum(len(lead.body(row)) for row in lead.rows(self.of(rows)))
        return self._bytes[rows]


def rows_for(peer, latency_ms, in_flight, seconds):
    """As many rows as take about `seconds`; at least 10 for each request in flight, as connecting counts, too."""
    reachable = min(peer.speed, 1000 * in_flight / latency_ms) if latency_ms else peer.speed
    rows = max(int(reachable * seconds), min(10 * in_flight, 4 * peer.speed), 200)
    return min(rows, 100_000) // 100 * 100


def once(peer, tools, exports, folder, latency_ms, in_flight, seconds, rows):
    """One run: what the server saw and what the program took."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Bench(tools.figures, latency_ms) as server:
        job = Job(folder, exports.of(rows), rows, server.address, in_flight, seconds, tools)
        taken = metered(tools.figures, peer.prepare(job))
        seen = server.finish()
    if not peer.timed and (seen.requests, seen.bytes) != (rows, exports.bytes(rows)):
        raise RuntimeError(f"{peer.label} sent {seen}, not {rows} requests of {exports.bytes(rows)} bytes")
    return seen, taken


def start(peers, tools, exports, folder, in_flight, say):
    """What a run with a single lead takes: start-up, which is kept apart from what each further lead takes."""
    results = []
    for peer in (peer for peer in peers if not peer.timed):
        _, taken = once(peer, tools, exports, folder, 0, in_flight, 0, 1)
        say(f"start  {peer.label:<32} {taken.wall:>6.3f} s {taken.cpu:>6.3f} s CPU")
        results.append(
            {
                "peer": peer.name,
                "seconds": round(taken.wall, 4),
                "cpu_seconds": round(taken.cpu, 4),
                "memory_mb": round(taken.memory / 1e6, 1),
            }
        )
    return results


def _figures(seen, taken, start_cpu):
    return {
        "rows": seen.requests,
        "per_second": seen.requests / seen.seconds,
        "per_second_wall": seen.requests / taken.wall,
        "cpu_us": 1e6 * max(taken.cpu - start_cpu, 0) / seen.requests,
        "cpu_us_with_start": 1e6 * taken.cpu / seen.requests,
        "memory_mb": taken.memory / 1e6,
    }


def measure(peers, starts, tools, exports, folder, cells, repeats, seconds, say):
    """Medians for each peer and each cell, which is a latency in ms and a number of requests in flight.

    The peers take turns, so that noise meets all of them.
    """
    start_cpu = {entry["peer"]: entry["cpu_seconds"] for entry in starts}
    results = []
    for latency_ms, in_flight in cells:
        runs = {peer.name: [] for peer in peers}
        for turn in range(repeats):
            for peer in peers:
                if turn == 0 or peer.speed >= FAST:
                    rows = rows_for(peer, latency_ms, in_flight, seconds)
                    seen, taken = once(peer, tools, exports, folder, latency_ms, in_flight, seconds, rows)
                    runs[peer.name].append(_figures(seen, taken, start_cpu.get(peer.name, 0)))
        for peer in peers:
            of = runs[peer.name]
            medians = {figure: statistics.median(run[figure] for run in of) for figure in of[0]}
            say(
                f"{latency_ms:>3} ms {in_flight:>3} in flight  {peer.label:<28} "
                f"{medians['per_second']:>8.0f} /s {medians['cpu_us']:>7.1f} us"
            )
            results.append(
                {"peer": peer.name, "latency_ms": latency_ms, "in_flight": in_flight, "runs": len(of)}
                | {figure: round(value, 1) for figure, value in medians.items()}
                | {"per_second_all": [round(run["per_second"]) for run in of]}
            )
    return results
