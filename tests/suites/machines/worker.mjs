// Asks for a token again and again, until it is killed. Its options are the variables KEYFOB_*.

import { Client } from "../../../bindings/node/dist/index.js";

const client = new Client(process.env.CLOUD, {}, { env: "KEYFOB" });
console.log(process.pid);
for (;;) {
  await client.token().catch((error) => console.log(String(error)));
  await new Promise((resolve) => setTimeout(resolve, 50));
}
