"""The second time: the same file again, then the file with three rows that are not as before."""

import csv
import shutil
from collections import Counter

from peers import Job
from servers import Sandbox, metered

# A client that has all this is told apart from one that looks at a date only.
DATED, UNDATED, LATE = "edited, its date moved on", "edited, its date as before", "new, with an older date"


def _change(path):
    """Edits two rows in place and adds one; gives the id of each kind of change."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    dated, undated = rows[len(rows) // 3], rows[len(rows) // 2]
    dated["city"], dated["updated_at"] = "Oostende", "2026-12-24T10:00:00Z"
    undated["city"] = "Oostende"
    late = rows[0] | {"id": "C9999999", "email": "late@example.com", "updated_at": "2026-11-02T08:15:00Z"}
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, late])
    return {DATED: dated["id"], UNDATED: undated["id"], LATE: late["id"]}


def measure(peers, tools, exports, folder, rows, say):
    """For each peer: requests of the first run, of the second over the same file, of the third over the changed one."""
    results = []
    for peer in peers:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        export = folder / "leads.csv"
        shutil.copy(exports.of(rows), export)
        with Sandbox(tools.lead_sync, 0) as sandbox:
            command = peer.prepare(Job(folder, export, rows, sandbox.address, 16, 0, tools))
            sent = []
            for turn in range(3):
                if turn == 2:
                    changed = _change(export)
                sandbox.forget()
                metered(tools.figures, command)
                sent.append(Counter(sandbox.stored()))
        result = {"peer": peer.name, "rows": rows} | dict(
            zip(("first", "same", "changed"), (turn.total() for turn in sent))
        )
        result["arrived"] = {kind: sent[2][key] for kind, key in changed.items()}
        say(
            f"again  {peer.label:<32} {result['first']:>6} {result['same']:>6} {result['changed']:>6}  {list(result['arrived'].values())}"
        )
        results.append(result)
    return results
