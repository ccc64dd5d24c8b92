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
    """As many rows as take about `seconds`, rounded; at least 10 for each request in flight, as connecting counts, too."""
    reachable = min(peer.speed, 1000 * in_flight / latency_ms) if latency_ms else peer.speed
    rows = max(int(reachable * seconds), min(10 * in_flight, 4 * peer.speed), 200)
    return min(rows, 100_000) // 100 * 100


def once(peer, tools, exports, folder, latency_ms, in_flight, seconds):
    """One run: the figures of its row in the table."""
    rows = rows_for(peer, latency_ms, in_flight, seconds)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Bench(tools.figures, latency_ms) as server:
        job = Job(folder, exports.of(rows), rows, server.address, in_flight, seconds, tools)
        taken = metered(tools.figures, peer.prepare(job))
        seen = server.finish()
    if not peer.timed and (seen.requests, seen.bytes) != (rows, exports.bytes(rows)):
        raise RuntimeError(f"{peer.label} sent {seen}, not {rows} requests of {exports.bytes(rows)} bytes")
    return {
        "rows": seen.requests,
        "per_second": seen.requests / seen.seconds,
        "per_second_wall": seen.requests / taken.wall,
        "cpu_us": 1e6 * taken.cpu / seen.requests,
        "memory_mb": taken.memory / 1e6,
    }


def measure(peers, tools, exports, folder, cells, repeats, seconds, say):
    """Medians for each peer and each cell (latency in ms, requests in flight), the peers taking turns so that noise meets all of them."""
    results = []
    for latency_ms, in_flight in cells:
        runs = {peer.name: [] for peer in peers}
        for turn in range(repeats):
            for peer in peers:
                if turn == 0 or peer.speed >= FAST:
                    runs[peer.name].append(once(peer, tools, exports, folder, latency_ms, in_flight, seconds))
        for peer in peers:
            taken = runs[peer.name]
            medians = {figure: statistics.median(run[figure] for run in taken) for figure in taken[0]}
            say(f"{latency_ms:>3} ms {in_flight:>3} in flight  {peer.label:<28} {medians['per_second']:>8.0f} /s {medians['cpu_us']:>7.1f} us")
            results.append(
                {"peer": peer.name, "latency_ms": latency_ms, "in_flight": in_flight, "runs": len(taken)}
                | {figure: round(value, 1) for figure, value in medians.items()}
                | {"per_second_all": [round(run["per_second"]) for run in taken]}
            )
    return results
