"""`dlt_post.py EXPORT URL IN_FLIGHT FOLDER pool|ROWS [CURSOR]`: dlt with a custom destination, its way to an API.

`pool`: one load file, batches of 1000 rows, a thread pool in the destination's function. ROWS: dlt's own parallelism,
which is by load file: files of so many rows, as many load jobs as requests may be in flight. With CURSOR, only rows
whose column CURSOR is beyond what the last run saw. FOLDER holds the pipeline's state and packages.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

EXPORT, URL, IN_FLIGHT, FOLDER, HOW = sys.argv[1:6]
CURSOR = sys.argv[6] if len(sys.argv) > 6 else None
IN_FLIGHT = int(IN_FLIGHT)
os.environ |= {
    "DLT_DATA_DIR": FOLDER,
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "LOAD__WORKERS": str(IN_FLIGHT if HOW != "pool" else 1),
}
if HOW != "pool":
    # The buffer is what is written to a file at once: a larger one would make larger files.
    os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = HOW

import dlt  # noqa: E402  (reads the environment)
import requests  # noqa: E402

from lead import HEADERS, body, rows  # noqa: E402

local = threading.local()


def post(row):
    if not hasattr(local, "session"):
        local.session = requests.Session()
        local.session.headers.update(HEADERS)
        local.session.trust_env = False
    local.session.post(URL, data=body(row), timeout=30).raise_for_status()


pool = ThreadPoolExecutor(IN_FLIGHT) if HOW == "pool" else None


@dlt.destination(batch_size=1000, loader_file_format="typed-jsonl", max_parallel_load_jobs=IN_FLIGHT)
def wegroup(items, table):
    for _ in pool.map(post, items) if pool else map(post, items):
        pass


def batches():
    batch = []
    for row in rows(EXPORT):
        batch.append(row)
        if len(batch) == 1000:
            yield batch
            batch = []
    if batch:
        yield batch


# The hints keep dlt from guessing types: dates stay the text that they are in the export.
columns = {"birth_date": {"data_type": "text"}, "updated_at": {"data_type": "text"}}
leads = dlt.resource(batches, name="leads", columns=columns, primary_key="id", write_disposition="append")
if CURSOR:

    def incremental(at=dlt.sources.incremental(CURSOR)):
        yield from batches()

    leads = dlt.resource(incremental, name="leads", columns=columns, primary_key="id", write_disposition="append")

pipeline = dlt.pipeline("leads", destination=wegroup, dataset_name="crm")
pipeline.run(leads())
