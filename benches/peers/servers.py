"""The two servers that requests go to, both on loopback, and the meter of what a program took."""

import contextlib
import json
import subprocess
import urllib.request
from dataclasses import dataclass

PATH = "/v1/api/distributions/42f9b29d-a302-44dd-a984-515faacf2acd/leads/customers"

# Seconds after which a program that does not end is taken for broken.
PATIENCE = 180


@dataclass
class Seen:
    """What the bench server has seen: requests, bytes of their bodies, seconds from first request to last answer."""

    requests: int
    bytes: int
    seconds: float


class Bench:
    """The server of benches/figures, which does nothing but answer and count."""

    def __init__(self, figures, latency_ms):
        self._process = subprocess.Popen(
            [figures, "serve", str(latency_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address = self._process.stdout.readline().strip()

    def finish(self):
        printed, _ = self._process.communicate()
        requests, size, micros, *_ = map(int, printed.split())
        return Seen(requests, size, micros / 1e6)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class Sandbox:
    """`lead-sync sandbox`: a local WeGroup that keeps a list of what it stored."""

    def __init__(self, lead_sync, latency_ms, *options):
        self._process = subprocess.Popen(
            [
                lead_sync,
                "sandbox",
                "--listen",
                "127.0.0.1:0",
                "--token",
                "bench-token",
                "--latency",
                f"{latency_ms}ms",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._url = self._process.stdout.readline().strip()
        self.address = self._url.removeprefix("http://").rstrip("/")

    def _call(self, path, method="GET"):
        request = urllib.request.Request(f"http://{self.address}/sandbox/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def summary(self):
        return json.loads(self._call("summary"))

    def stored(self):
        """The external references of the stored leads, in the order of their arrival."""
        return [lead["external_ref"] for lead in json.loads(self._call("leads"))]

    def forget(self):
        self._call("state", "DELETE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


@dataclass
class Taken:
    """What a program took, with the processes it waited for: wall and processor seconds, peak bytes of the largest."""

    wall: float
    cpu: float
    memory: int


def metered(figures, command):
    """Runs a command to its end, which must be a success."""
    argv = [figures, "meter", *(f"@{part}" for part in command.argv)]
    done = subprocess.run(
        argv, cwd=command.folder, env=command.environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    wall, cpu, memory, code = map(int, done.stdout.strip().rsplit("\n", 1)[-1].split())
    if code:
        raise RuntimeError(f"{command.argv[:2]} ended with {code}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return Taken(wall / 1e6, cpu / 1e6, memory)


@contextlib.contextmanager
def started(command):
    """Runs a command in a process group of its own, so that it can be killed as a whole."""
    process = subprocess.Popen(
        command.argv,
        cwd=command.folder,
        env=command.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
