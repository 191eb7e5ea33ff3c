"""Fetches one page of an IoT cloud:  python first.py kontakt /v3/device

KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ... in the environment say who asks.
"""

import sys

import keyfob

with keyfob.Client.load(sys.argv[1], env="KEYFOB") as client:
    response = client.get(sys.argv[2])  # logs in, renews
    print(f"HTTP {response.status}: {response.text}")
