// What a CommonJS program gets.

const { Client } = require("@keyfob/client");

module.exports = { Client };
