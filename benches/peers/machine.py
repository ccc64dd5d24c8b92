"""What was measured, and where."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import time
from importlib.metadata import distributions

from peers import NODE, ROOT, VENV


def _first_line(*argv):
    if not shutil.which(argv[0]):
        return None
    done = subprocess.run(argv, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def load():
    """Load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def _fsync_us(folder):
    """Median time of an fsync after 4 KiB were appended, in microseconds."""
    times = []
    with open(folder / "fsync", "wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    (folder / "fsync").unlink()
    return round(1e6 * statistics.median(times))


def describe(folder):
    """The machine; `folder` is where everything is written."""
    cpus = open("/proc/cpuinfo", encoding="utf-8").read()
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo", encoding="utf-8").read())[1])
    file_system = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True).stdout.split()[-1]
    return {
        "cpu": re.search(r"model name\s*:\s*(.+)", cpus)[1],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**20),
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "file_system": file_system,
        "fsync_us": _fsync_us(folder),
        "load_before": load(),
    }


def versions(tools):
    """Of lead-sync and of everything that is measured beside it."""
    found = {
        "lead-sync": _first_line(tools.lead_sync, "--version"),
        "commit": _first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "Python": platform.python_version(),
        "Node": _first_line("node", "--version"),
        "curl": (_first_line("curl", "--version") or "").split(" (")[0].removeprefix("curl "),
        "wrk": (_first_line("wrk", "--version") or "")
        .split(" [")[0]
        .removeprefix("wrk ")
        .removeprefix("debian/")
        .split(" ")[0],
    }
    undici = NODE / "node_modules/undici/package.json"
    if undici.exists():
        found["undici"] = json.loads(undici.read_text())["version"]
    wanted = {"aiohttp", "dlt", "drt-core", "duckdb", "requests"}
    for package in distributions(path=[str(path) for path in VENV.glob("lib/python*/site-packages")]):
        if package.name in wanted:
            found[package.name] = package.version
    return {name: version for name, version in found.items() if version}
