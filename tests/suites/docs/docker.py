"""`docker run` as far as a program inside can tell: its variables, and its volumes where they really are."""

import os
import shlex
import sys

words = sys.argv[1:]
if words.pop(0) != "run":
    raise SystemExit("docker: only `run` is known here")
given = {"PATH": os.environ["PATH"], "HOME": "/"}
for name in ("KEYFOB_CA_FILE", "KEYFOB_BASE_URL", "KEYFOB_ALLOWED_ORIGINS"):
    given[name] = os.environ[name]
volumes = {}
while words[0].startswith("-"):
    option = words.pop(0)
    if option in ("--rm", "--read-only"):
        continue
    value = words.pop(0)
    if option == "-e":
        name, _, text = value.partition("=")
        given[name] = text
    elif option == "-v":
        source, target = value.split(":")[:2]
        # A named volume begins with what the image has there: nothing.
        if not source.startswith("/"):
            source = os.path.join(os.environ["HOME"], source)
            os.makedirs(source, mode=0o700, exist_ok=True)
        volumes[target] = source
    elif option != "--user":
        raise SystemExit(f"docker: what is {option}?")
words.pop(0)  # the image


def here(text):
    for target, source in volumes.items():
        text = text.replace(target, source)
    return text


print(shlex.join(words), file=sys.stderr)
os.execvpe(words[0], [here(word) for word in words], {name: here(text) for name, text in given.items()})
