"use strict";
// Where the program is: in the package of this platform, which npm installs beside this one.

function program() {
  const platform = `${process.platform}-${process.arch}`;
  const file = process.platform === "win32" ? "keyfob-simulator.exe" : "keyfob-simulator";
  try {
    return require.resolve(`@keyfob/simulator-${platform}/${file}`);
  } catch {
    throw new Error(`keyfob-simulator has no program for ${platform} here: was it installed without optional dependencies?`);
  }
}

module.exports = { program };
