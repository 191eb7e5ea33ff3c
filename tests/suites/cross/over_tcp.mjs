// Runs a script with a connection in the place of its input and output, as over_tcp.py wants it:
//
//     node over_tcp.mjs SCRIPT

import { once } from "node:events";
import { connect } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const connection = connect(Number(process.env.OVER_TCP), "127.0.0.1");
await once(connection, "connect");
for (const name of ["stdin", "stdout"]) {
  Object.defineProperty(process, name, { value: connection });
}
await import(pathToFileURL(resolve(process.argv[2])));
connection.end();
