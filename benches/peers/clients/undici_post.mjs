// `undici_post.mjs EXPORT URL IN_FLIGHT`: one pool with as many connections as requests may be in flight.
// The export has no quoted cells, so that splitting at commas is enough, and as fast as Node can be.

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [export_, url, inFlight] = process.argv.slice(2);
// undici is installed under target/, not beside this file.
const { Pool } = createRequire(pathToFileURL(process.env.PEERS_NODE + "/"))("undici");

function body(row) {
  const [day, month, year] = row.birth_date.split("/");
  const { product, agent, first_name, last_name, email, phone, language } = row;
  const { street, house_number, postcode, city } = row;
  return JSON.stringify({
    origin: "CRM",
    backref: `https://crm.example.com/customers/${row.id}`,
    product,
    agent,
    prospect: {
      first_name,
      last_name,
      email,
      phone,
      birth_date: `${year}-${month}-${day}`,
      address: { street, house_number, postcode, city },
      language,
      external_ref: { external_ref: row.id, external_ref_company: "crm" },
    },
  });
}

async function* rows() {
  let names;
  for await (const line of createInterface({ input: createReadStream(export_) })) {
    const cells = line.split(",");
    if (names) yield Object.fromEntries(cells.map((cell, at) => [names[at], cell]));
    else names = cells;
  }
}

const { origin, pathname } = new URL(url);
const pool = new Pool(origin, { connections: Number(inFlight) });
const headers = { authorization: "apikey bench-token", "content-type": "application/json" };
const left = rows();

async function worker() {
  for (let row = await left.next(); !row.done; row = await left.next()) {
    const answer = await pool.request({ path: pathname, method: "POST", headers, body: body(row.value) });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`status ${answer.statusCode}`);
  }
}

await Promise.all(Array.from({ length: Number(inFlight) }, worker));
await pool.close();
