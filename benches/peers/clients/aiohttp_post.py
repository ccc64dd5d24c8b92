"""`aiohttp_post.py EXPORT URL IN_FLIGHT [LIST]`: the script that a careful Python programmer writes.

One session, as many tasks as requests may be in flight. With LIST, a file of the ids that were sent: they are skipped
the next time, and each is appended as soon as its answer is there.
"""

import asyncio
import os
import sys

import aiohttp

from lead import HEADERS, body, rows


async def main(export, url, in_flight, list_path):
    done = set()
    if list_path and os.path.exists(list_path):
        with open(list_path, encoding="utf-8") as file:
            done = {line.strip() for line in file}
    sent = open(list_path, "a", encoding="utf-8", buffering=1) if list_path else None
    left = (row for row in rows(export) if row["id"] not in done)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight), headers=HEADERS) as session:

        async def task():
            for row in left:
                async with session.post(url, data=body(row)) as answer:
                    answer.raise_for_status()
                    await answer.read()
                if sent:
                    sent.write(row["id"] + "\n")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(task())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None))
