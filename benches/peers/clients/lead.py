"""What every Python client here shares: the rows of an export, the body that a row becomes, the headers of a request.

As a program, `lead.py EXPORT` prints the bodies, each ended by a NUL, for xargs; `lead.py EXPORT URL` prints a
configuration for curl with one request for each row.
"""

import csv
import json
import sys

HEADERS = {"Authorization": "apikey bench-token", "Content-Type": "application/json"}


def rows(export):
    """The rows of the export, each a dictionary by column."""
    with open(export, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def body(row):
    """The JSON of a row, byte for byte what lead-sync sends for it."""
    day, month, year = row["birth_date"].split("/")
    lead = {
        "origin": "CRM",
        "backref": f"https://crm.example.com/customers/{row['id']}",
        "product": row["product"],
        "agent": row["agent"],
        "prospect": {
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "email": row["email"],
            "phone": row["phone"],
            "birth_date": f"{year}-{month}-{day}",
            "address": {name: row[name] for name in ("street", "house_number", "postcode", "city")},
            "language": row["language"],
            "external_ref": {"external_ref": row["id"], "external_ref_company": "crm"},
        },
    }
    return json.dumps(lead, ensure_ascii=False, separators=(",", ":")).encode()


def _curl_configuration(export, url):
    for number, row in enumerate(rows(export)):
        if number:
            yield "next"
        quoted = body(row).decode().replace("\\", "\\\\").replace('"', '\\"')
        yield f'url = "{url}"\ndata-raw = "{quoted}"\noutput = "/dev/null"'
        yield from (f'header = "{name}: {value}"' for name, value in HEADERS.items())
        yield "fail\nsilent"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.stdout.writelines(line + "\n" for line in _curl_configuration(sys.argv[1], sys.argv[2]))
    else:
        sys.stdout.buffer.writelines(body(row) + b"\0" for row in rows(sys.argv[1]))
