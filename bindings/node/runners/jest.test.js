const runner = require("@jest/globals");
const { simulated } = require("@keyfob/client/testing");

const cloud = simulated(runner, "kontakt");

runner.test("a dead token is replaced", async () => {
  const client = cloud.client();
  await client.token();
  await cloud.killTokens();
  runner.expect((await client.fetch(cloud.devicesUrl)).status).toBe(200);
  runner.expect(await cloud.counts()).toEqual({ api: 2, login: 1, refresh: 1 });
});
