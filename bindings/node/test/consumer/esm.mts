// A user's program in TypeScript, as an ES module, without Node's types.

import { Client, KeyfobError } from "@keyfob/client";

const client = new Client("kii", { app_id: "a", app_key: "b" });
try {
  const answer: Response = await client.fetch("things");
  for await (const page of client.pages("things")) console.log(page.next, answer.status);
} catch (error) {
  if (!(error instanceof KeyfobError)) throw error;
  console.log(error.code, error.retryAfter);
}
