// Node-RED with two users, whose tokens live for as many seconds as the environment says.
// bcryptjs is what Node-RED itself checks passwords with.

const { createRequire } = require("node:module");
const bcrypt = createRequire(`${process.cwd()}/`)("bcryptjs");
const users = JSON.parse(process.env.USERS);

module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.PORT),
  userDir: process.env.HOME_DIRECTORY,
  flowFile: "flows.json",
  credentialSecret: "of a test",
  adminAuth: {
    type: "credentials",
    sessionExpiryTime: Number(process.env.SECONDS),
    users: users.map(({ username, password }) => ({
      username,
      password: bcrypt.hashSync(password, 8),
      permissions: "*",
    })),
  },
};
