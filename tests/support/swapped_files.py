"""A command whose file somebody exchanges for another, once it is written and before the log has it."""

from __future__ import annotations

import os
import subprocess
import sys

from loop_support import PSEUDONYM_KEY, ROOT, Loop, token

# An audit hook stays for good, so the process is of its own. Each file that matches is exchanged once: right after it
# was renamed into place, when its folder is flushed; or as soon as something under a passing name is read.
_PROGRAM = """
import hashlib, json, os, re, runpy, sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from flows.cli import main

how, wanted = sys.argv[1:3]
placed, done = [], []

def another_list(path):
    table = pq.ParquetFile(path).read()
    at, column = table.schema.get_field_index("vehicle"), table["vehicle"].to_pylist()
    column[0], column[-1] = column[-1], column[0]
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(column, pa.string())), path)

def another_policy(path):
    said = json.loads(path.read_bytes())
    text = b"version: forged\\ncapacity: 9\\n"
    sha256 = hashlib.sha256(text).hexdigest()
    path.with_name(f"{sha256}.yaml").write_bytes(text)
    path.write_text(json.dumps(said | {"sha256": sha256}))
    return sha256

def exchange(path):
    done.append(path)
    sha256 = globals()[how](Path(path))
    print("swapped", sha256 or hashlib.sha256(Path(path).read_bytes()).hexdigest(), file=sys.stderr)

def watch(event, given):
    if done:
        return
    if event == "os.rename" and re.search(wanted, str(given[1])):
        placed.append(str(given[1]))
    elif event == "open" and not given[2] & (os.O_WRONLY | os.O_RDWR):
        path = str(given[0])
        if placed and path == os.path.dirname(placed[-1]):
            exchange(placed[-1])
        elif path.endswith(".partial") and re.search(wanted, path) and os.path.isfile(path):
            exchange(path)

sys.argv = ["findprofile", *sys.argv[3:]]
sys.addaudithook(watch)
main()
"""


def while_swapped(loop: Loop, who: str, how: str, wanted: str, *arguments: str) -> str:
    """Type a command that is done although its file is exchanged.

    Args:
        loop: The home.
        who: One of the people.
        how: `another_list` or `another_policy`.
        wanted: Regular expression for the path of the file.
        arguments: The command.

    Returns:
        SHA-256 of what is there instead.
    """
    own = {
        "FINDPROFILE_HOME": str(loop.home),
        "FINDPROFILE_PSEUDONYM_KEY": PSEUDONYM_KEY,
        "FINDPROFILE_TOKEN": token(loop.home, who),
        "PYTHONPATH": str(ROOT),
    }
    program = [sys.executable, "-c", _PROGRAM, how, wanted, *arguments]
    ended = subprocess.run(program, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (said,) = (line for line in ended.stderr.splitlines() if line.startswith("swapped "))
    return said.split()[1]
