"""Killed in the middle: SIGKILL, then the same command again until it is done. The sandbox's list judges."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter

import send
from peers import Job
from servers import PATIENCE, Sandbox, started

LATENCY_MS, IN_FLIGHT = 20, 16

# A program that has not ended well after so many runs is left as it is.
ATTEMPTS = 4


def _kill_at(sandbox, command, stored):
    """Kills the command, with all its processes, when so many leads are stored; False if it ended before."""
    deadline = time.monotonic() + PATIENCE
    with started(command) as process:
        while sandbox.summary()["stored"] < stored:
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise RuntimeError(f"{command.argv[:2]} stored too little within {PATIENCE} s")
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        return True


def _go_on(peer, command):
    """Runs the same command until it says that it is done: the number of runs."""
    for run in range(1, ATTEMPTS + 1):
        done = subprocess.run(
            command.argv,
            cwd=command.folder,
            env=command.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        if done.returncode in peer.over:
            return run
    raise RuntimeError(f"{peer.label} did not end well: {done.stderr[-1000:]}")


def _held(peer, command):
    """The ids of the leads that the program itself lists as being in doubt."""
    if not peer.held:
        return set()
    argv = [*command.argv[:3], *peer.held]
    return {lead["key"] for lead in json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)}


def once(peer, tools, exports, folder, rows, moment):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Sandbox(tools.lead_sync, LATENCY_MS, *peer.sandbox) as sandbox:
        command = peer.prepare(Job(folder, exports.of(rows), rows, sandbox.address, IN_FLIGHT, 0, tools))
        if not _kill_at(sandbox, command, int(rows * moment)):
            raise RuntimeError(f"{peer.label} ended before the kill")
        at_kill = sandbox.summary()["stored"]
        runs = _go_on(peer, command)
        stored, summary = Counter(sandbox.stored()), sandbox.summary()
        held = _held(peer, command)
        missing = {row["id"] for row in send.lead.rows(exports.of(rows))} - set(stored)
        return {
            "moment": round(moment, 2),
            "stored_at_kill": at_kill,
            "runs_after": runs,
            "requests": summary["received"],
            # Lost: not stored, and nobody is told.
            "lost": len(missing - held),
            "doubled": stored.total() - len(stored),
            "held": len(held),
            "held_not_stored": len(missing & held),
        }


def measure(peers, tools, exports, folder, rows, moments, say):
    """For each peer, one entry for each moment. Slow ones get fewer rows: parts of them are what counts."""
    results = []
    for peer in peers:
        count = min(rows, 3 * peer.speed)
        kills = [once(peer, tools, exports, folder, count, moment) for moment in moments]
        brief = [(kill["lost"], kill["doubled"], kill["held"]) for kill in kills]
        say(f"killed {peer.label:<32} of {count}: (lost, doubled, held) {brief}")
        results.append({"peer": peer.name, "rows": count, "kills": kills})
    return results
