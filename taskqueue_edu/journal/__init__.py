"""Facts in a file that outlives the process: one JSON object a line, sealed with a checksum.

A folder holds `journal.jsonl`, `lock`, and `inbox/` with the requests of other processes. The
first line is a header, every other a fact:

    {"journal":"taskqueue_edu","version":2,"seq":0,"at":1764021600000000,"totals":{},"forgotten":{},...}
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
    kept        type, status, started=0, finished=0, worker="", attempt=0, recoveries=0,
                reason="", priority=0, due=null, retry=null, task=null, value=null, error=null

*Compaction* writes one line `kept` in place of all facts about a task (`at` is when it was
submitted). The header's `seq` is then the number before that of the first such line; its `totals`
count the facts of each kind that went before, and `forgotten` has, for each prefix of ids, the
highest number of a task that is kept no more.

So `jq -r 'select(.fact=="failed") | .id + " " + .error.message' journal.jsonl` lists failures.

Version 1 had neither `kept` nor the header's last two fields. `scan.UPGRADES` brings a line
of an older version to the next; a newer version than this program knows is refused.

What is damaged is put aside when the folder is opened: a torn last line into `torn-OFFSET.bin`,
other damage into `quarantine.jsonl`, each piece with its file, offset and reason.
"""

from taskqueue_edu.journal.followed import FollowedJournal
from taskqueue_edu.journal.inbox import Inbox, InboxReader
from taskqueue_edu.journal.queue import PersistentQueue
from taskqueue_edu.journal.report import RecoveryReport
from taskqueue_edu.journal.scan import read_facts
from taskqueue_edu.journal.store import JsonStore

__all__ = [
    "FollowedJournal",
    "Inbox",
    "InboxReader",
    "JsonStore",
    "PersistentQueue",
    "RecoveryReport",
    "read_facts",
]
