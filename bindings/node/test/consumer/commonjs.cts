// The same for CommonJS.

import { Client } from "@keyfob/client";

const client = new Client("custom", { profile_file: "mine.json", an_option_of_mine: "value" });
client.token().then((token: string) => console.log(token.length));
