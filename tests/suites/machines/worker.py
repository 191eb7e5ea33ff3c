"""Asks for a token again and again, until it is killed. Its options are the variables KEYFOB_*."""

import os
import time

import keyfob

client = keyfob.Client.load(os.environ["CLOUD"], env="KEYFOB")
print(os.getpid(), flush=True)
while True:
    try:
        client.token()
    except keyfob.Error as error:
        print(error, flush=True)
    time.sleep(0.05)
