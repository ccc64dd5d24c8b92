"""`requests_post.py EXPORT URL IN_FLIGHT`: a thread for each request in flight, with a session and its connection."""

import queue
import sys
import threading

import requests

from lead import HEADERS, body, rows


def main(export, url, in_flight):
    left = queue.Queue(maxsize=4 * in_flight)
    failures = []

    def worker():
        with requests.Session() as session:
            session.headers.update(HEADERS)
            # No look at the environment for proxies at each request: it is the dearest part of one.
            session.trust_env = False
            while (row := left.get()) is not None:
                try:
                    session.post(url, data=body(row), timeout=30).raise_for_status()
                except requests.RequestException as error:
                    failures.append(error)

    threads = [threading.Thread(target=worker) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for row in rows(export):
        left.put(row)
    for _ in threads:
        left.put(None)
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"{len(failures)} failed, the first with: {failures[0]}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
