"""Facts in a file that outlives the process: one JSON object a line, sealed with a checksum.

A folder holds `journal.jsonl` and `lock`. The first line is a header, every other a fact:

    {"journal":"taskqueue_edu","version":1,"seq":0,"at":1764021600000000,"crc":"5e0fd3a1"}
    {"fact":"submitted","seq":1,"at":...,"id":"9f3c51a0b7e2-1","type":"math","task":{...},"crc":...}
    {"fact":"started","seq":2,"at":...,"id":"9f3c51a0b7e2-1","worker":"worker-1","attempt":1,...}
    {"fact":"succeeded","seq":3,"at":...,"id":"9f3c51a0b7e2-1","worker":"worker-1","value":15,...}

`seq` counts up by one: a gap shows that lines are missing. `at` is in microseconds since 1970.
`crc` is the CRC-32, as eight hex digits, of the line's bytes before `,"crc"`. A line of another
program can be checked so:

    body, _, seal = line.rpartition(b',"crc":"')
    assert zlib.crc32(body) == int(seal[:8], 16)

The rest of a fact depends on its kind (a field with its default value is left out):

    submitted   type, task, priority=0, due=null, retry=null    due: seconds since 1970
    started     worker, attempt
    succeeded   worker, value
    failed      worker, error {names, message, traceback}
    retried     worker, error, due
    cancelled, released, recovered, died, revived               worker="", reason

So `jq -r 'select(.fact=="failed") | .id + " " + .error.message' journal.jsonl` lists failures.
"""

from taskqueue_edu.journal.format import read_facts
from taskqueue_edu.journal.store import JsonStore

__all__ = ["JsonStore", "read_facts"]
