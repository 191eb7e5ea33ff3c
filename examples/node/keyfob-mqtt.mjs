#!/usr/bin/env node
// A gateway that keeps its MQTT session while the credentials it connects with come and go.
//
//     node keyfob-mqtt.mjs PROVIDER [CONNECTIONS]      options from KEYFOB_... in the environment
//
// A broker looks at a password when a client connects, and some close the connection when it ends: so
// there is a new connection for each new token, before the old one ends. The session is a persistent
// one, so nothing that is published meanwhile is lost. Ends after so many connections. Needs mqtt.

import { Client } from "@keyfob/client";
import mqtt from "mqtt";

const [provider, connections = "0"] = process.argv.slice(2);
const client = new Client(provider, {}, { env: "KEYFOB" });
let broker;
let left = Number(connections);

for await (const _ of client.tokens()) {
  const { url, clientId, username, password } = await client.mqtt(); // signed anew, where it is signed
  const credentials = { clientId: clientId ?? "gw-1", username, password };
  if (broker === undefined) {
    broker = mqtt.connect(url, { ...credentials, clean: false, reconnectPeriod: 1000 });
    broker.on("connect", () => {
      console.log("connected");
      broker.subscribe("gateways/gw-1/commands", { qos: 1 });
    });
    broker.on("message", (_, payload) => console.log("heard", payload.toString()));
    broker.on("error", (error) => console.error("the broker refuses:", error.message));
  } else {
    await broker.endAsync();
    Object.assign(broker.options, credentials);
    broker.reconnect();
  }
  left -= 1;
  if (left === 0) break;
}
await broker?.endAsync();
await client.close();
