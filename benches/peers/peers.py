"""The programs that are compared, each with its best reasonable settings: how it is set up, and its command.

The same command is run again for the second time and after a kill, as a timer would: what a program remembers is in
its folder.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from servers import PATH

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLIENTS = HERE / "clients"
VENV = ROOT / "target/peers-venv"
NODE = ROOT / "target/peers-node"


@dataclass
class Job:
    """One piece of work: an export to send to `address`, with so many requests in flight and all state in `folder`."""

    folder: Path
    export: Path
    rows: int
    address: str
    in_flight: int
    seconds: float
    tools: "Tools"

    @property
    def url(self):
        return f"http://{self.address}{PATH}"


@dataclass
class Tools:
    """Paths of the release lead-sync and of the bench binary."""

    lead_sync: str
    figures: str


@dataclass
class Command:
    argv: list
    folder: Path
    extra: dict = field(default_factory=dict)

    def environment(self):
        """This process's, without proxies: everything is on loopback."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return kept | self.extra


@dataclass
class Peer:
    name: str
    label: str
    # Leads a second that it reaches at most, roughly: decides how many rows it is given, not what is reported.
    speed: int
    # job -> Command; called once for each folder
    prepare: object
    # Takes part in: send (rates), again (second time), killed.
    parts: tuple
    # Sends a fixed number of seconds instead of an export.
    timed: bool = False
    # An option of the sandbox that this variant is run against.
    sandbox: tuple = ()
    # Exit codes after which a run is over; anything else is run again.
    over: tuple = (0,)
    # Options of lead-sync that list what it left for a person.
    held: tuple = ()


def _python(script, *more):
    def prepare(job):
        # At least two load files for each request in flight, which is the most that dlt does at once.
        split = min(max(job.rows // (2 * job.in_flight), 10), 100)
        arguments = [part.format(folder=job.folder, split=split) for part in more]
        argv = [VENV / "bin/python", CLIENTS / script, job.export, job.url, str(job.in_flight), *arguments]
        return Command([str(part) for part in argv], job.folder)

    return prepare


def _shell(script):
    return lambda job: Command([str(CLIENTS / script), str(job.export), job.url, str(job.in_flight)], job.folder)


def _load(job):
    return Command([job.tools.figures, "load", job.address, str(job.rows), str(job.in_flight)], job.folder)


def _wrk(job):
    import lead

    bodies = job.folder / "bodies"
    bodies.write_bytes(b"".join(lead.body(row) + b"\0" for row in lead.rows(job.export)))
    argv = [
        "wrk",
        "-t1",
        f"-c{job.in_flight}",
        f"-d{max(1, round(job.seconds))}s",
        "-s",
        str(CLIENTS / "post.lua"),
        job.url,
    ]
    return Command(argv, job.folder, {"PEERS_BODIES": str(bodies)})


def _undici(job):
    argv = ["node", str(CLIENTS / "undici_post.mjs"), str(job.export), job.url, str(job.in_flight)]
    return Command(argv, job.folder, {"PEERS_NODE": str(NODE)})


# drt sends the rows of one sync one after the other; several syncs run in threads. The export is divided among at most
# so many of them: at 0 ms, 64 reached a quarter of the rate of 16, and at 20 ms, 32 gained little over 16.
DRT_SYNCS = 16

_DRT_SYNC = """\
name: leads_{part:02}
model: >-
  SELECT * REPLACE (strftime(strptime(birth_date, '%d/%m/%Y'), '%Y-%m-%d') AS birth_date)
  FROM read_csv('{export}', header = true, all_varchar = true) WHERE hash(id) % {parts} = {part}
destination:
  type: rest_api
  url: "{url}"
  method: POST
  headers: {{ Content-Type: application/json, Authorization: apikey bench-token }}
  native_idempotency_key: "{{{{ row.id }}}}"
  body_template: '{body}'
sync:
  {mode}
  batch_size: 1000
  rate_limit: {{ requests_per_second: 1000000 }}
"""


def _drt_body():
    cell = lambda name: "{{ row.%s|tojson_safe }}" % name  # noqa: E731
    cells = lambda *names: ",".join(f'"{name}":{cell(name)}' for name in names)  # noqa: E731
    return (
        '{"origin":"CRM","backref":"https://crm.example.com/customers/{{ row.id }}",'
        + cells("product", "agent")
        + ',"prospect":{'
        + cells("first_name", "last_name", "email", "phone", "birth_date")
        + ',"address":{'
        + cells("street", "house_number", "postcode", "city")
        + "},"
        + cells("language")
        + ',"external_ref":{"external_ref":'
        + cell("id")
        + ',"external_ref_company":"crm"}}}'
    )


def _drt(mode):
    def prepare(job):
        (job.folder / "syncs").mkdir()
        (job.folder / ".drt").mkdir()
        (job.folder / "drt_project.yml").write_text('name: leads\nversion: "0.1"\nprofile: export\n')
        (job.folder / ".drt/profiles.yml").write_text('export:\n  type: duckdb\n  database: ":memory:"\n')
        parts = min(job.in_flight, DRT_SYNCS)
        for part in range(parts):
            sync = _DRT_SYNC.format(part=part, parts=parts, export=job.export, url=job.url, body=_drt_body(), mode=mode)
            (job.folder / f"syncs/leads_{part:02}.yml").write_text(sync)
        argv = [str(VENV / "bin/drt"), "run", "--threads", str(parts)]
        # Profiles are read from the home folder; telemetry is off by default, and here for sure.
        return Command(argv, job.folder, {"HOME": str(job.folder), "DO_NOT_TRACK": "1"})

    return prepare


_LEAD_SYNC = """\
[connections.bench]
kind = "wegroup"
api_url = "http://{address}"
distribution_id = "42f9b29d-a302-44dd-a984-515faacf2acd"
rate_limit = "none"
max_in_flight = {in_flight}
on_in_doubt = "{in_doubt}"
auth = {{ kind = "apikey", token = "bench-token" }}

[syncs.customers]
connection = "bench"
on_change = "resend"
source = {{ kind = "csv", path = "{export}", key = "id" }}

[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{{{ id }}}}"
product = "{{{{ product }}}}"
agent = "{{{{ agent }}}}"

[syncs.customers.lead.prospect]
first_name = "{{{{ first_name }}}}"
last_name = "{{{{ last_name }}}}"
email = "{{{{ email }}}}"
phone = "{{{{ phone }}}}"
birth_date = "{{{{ birth_date|date('%d/%m/%Y') }}}}"
address = {{ street = "{{{{ street }}}}", house_number = "{{{{ house_number }}}}", postcode = "{{{{ postcode }}}}", city = "{{{{ city }}}}" }}
language = "{{{{ language }}}}"
external_ref = {{ external_ref = "{{{{ id }}}}", external_ref_company = "crm" }}
"""


def _lead_sync(in_doubt):
    def prepare(job):
        configuration = job.folder / "lead-sync.toml"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _LEAD_SYNC.format(address=job.address, in_flight=job.in_flight, in_doubt=in_doubt, export=job.export)
        )
        argv = [job.tools.lead_sync, "--config", str(configuration), "--run-now", "--json"]
        return Command(argv, job.folder, {"LEAD_SYNC_LOG": "error"})

    return prepare


_HONOURED = ("--honour-idempotency-key",)
_HELD = ("leads", "--state", "held", "--format", "json")
_CURSOR = "mode: incremental\n  cursor_field: updated_at"

PEERS = [
    Peer("load", "bare load generator", 100_000, _load, ("send",)),
    Peer("wrk", "wrk", 100_000, _wrk, ("send",), timed=True),
    Peer("lead_sync", "lead-sync", 50_000, _lead_sync("resend"), ("send", "again", "killed"), over=(0, 3)),
    Peer("lead_sync_hold", "lead-sync, hold", 50_000, _lead_sync("hold"), ("killed",), over=(0, 3), held=_HELD),
    Peer(
        "lead_sync_key",
        "lead-sync, API honours keys",
        50_000,
        _lead_sync("resend"),
        ("killed",),
        over=(0, 3),
        sandbox=_HONOURED,
    ),
    Peer("undici", "Node undici", 20_000, _undici, ("send", "again", "killed")),
    Peer("aiohttp", "Python aiohttp", 8_000, _python("aiohttp_post.py"), ("send", "again", "killed")),
    Peer(
        "aiohttp_list",
        "Python aiohttp, list of ids sent",
        8_000,
        _python("aiohttp_post.py", "{folder}/sent"),
        ("again", "killed"),
    ),
    Peer("requests", "Python requests, threads", 1_500, _python("requests_post.py"), ("send", "again", "killed")),
    Peer(
        "dlt_pool", "dlt, thread pool", 1_500, _python("dlt_post.py", "{folder}", "pool"), ("send", "again", "killed")
    ),
    Peer("dlt_files", "dlt, small load files", 1_200, _python("dlt_post.py", "{folder}", "{split}"), ("send",)),
    Peer(
        "dlt_cursor",
        "dlt, incremental",
        1_500,
        _python("dlt_post.py", "{folder}", "pool", "updated_at"),
        ("again", "killed"),
    ),
    Peer("drt", "drt", 1_000, _drt("mode: full"), ("send", "again", "killed")),
    Peer("drt_cursor", "drt, incremental", 1_000, _drt(_CURSOR), ("again", "killed")),
    Peer("drt_key", "drt, API honours keys", 1_000, _drt(_CURSOR), ("killed",), sandbox=_HONOURED),
    Peer("curl", "curl --parallel", 15_000, _shell("parallel_curl.sh"), ("send", "again", "killed")),
    Peer("xargs", "xargs curl", 200, _shell("xargs_curl.sh"), ("send", "again", "killed")),
]


def available(tools):
    """The peers that this machine has, and the reasons why the others are missing."""
    missing = {}
    if not (VENV / "bin/python").exists():
        missing |= {name: "run benches/peers/setup.sh" for name in ("aiohttp", "requests", "dlt", "drt")}
    if not (NODE / "node_modules/undici").exists() or not shutil.which("node"):
        missing["undici"] = "run benches/peers/setup.sh"
    for program, name in (("wrk", "wrk"), ("curl", "curl"), ("xargs", "xargs")):
        if not shutil.which(program):
            missing[name] = f"{program} is not installed"
    return [peer for peer in PEERS if peer.name.split("_")[0] not in missing], missing
