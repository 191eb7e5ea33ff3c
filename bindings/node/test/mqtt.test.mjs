// What MQTT libraries are given, and headers of requests that a cloud has signed.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { Client } from "@keyfob/client";

/** A client that nothing is sent by. */
function client(t, provider, options) {
  const made = new Client(provider, options);
  t.after(() => made.close());
  return made;
}

test("a device signs what the broker checks", async (t) => {
  const device = { product_key: "pk", device_name: "dn", device_secret: "a secret" };
  const told = await client(t, "aliyun-iot", device).mqtt();
  assert.equal(told.url, "mqtts://pk.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883");
  assert.equal(told.username, "dn&pk");
  const [, timestamp] = told.clientId.match(/timestamp=(\d+)\|$/);
  const content = `clientIdpk.dndeviceNamednproductKeypktimestamp${timestamp}`;
  assert.equal(told.password, createHmac("sha256", "a secret").update(content).digest("hex"));
});

test("what a broker does not want is null", async (t) => {
  const told = await client(t, "thingsboard", { device_token: "t" }).mqtt();
  assert.deepEqual([told.clientId, told.username, told.password], [null, "t", null]);
});

test("a cloud without MQTT says so", async (t) => {
  await assert.rejects(client(t, "kontakt", { api_key: "k" }).mqtt(), { code: "INVALID_ARGUMENT" });
});

test("a request is signed with its method and body", async (t) => {
  const options = { base_url: "https://group.example.com", app_key: "ak", app_secret: "sk" };
  const app = client(t, "aliyun-api", options);
  const headers = await app.headersFor("https://group.example.com/a", { method: "POST", body: "{}" });
  const digest = createHash("md5").update("{}").digest("base64");
  assert.equal(headers["Content-MD5"], digest);
  const signed = ["X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp"].map(
    (name) => `${name.toLowerCase()}:${headers[name]}\n`,
  );
  const content = `POST\napplication/json\n${digest}\n\n\n${signed.join("")}/a`;
  const expected = createHmac("sha256", "sk").update(content).digest("base64");
  assert.equal(headers["X-Ca-Signature"], expected);
});
