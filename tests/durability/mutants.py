"""The mechanisms behind the promises, each with what the package would be without it.

`test_mutants.py` applies one mutant at a time to a copy of the package and sees it caught by the
tests that it names. A mutant whose source text is gone needs a new one: the mechanism moved.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STORE: Final = "journal/store.py"
LINES: Final = "journal/lines.py"
SCAN: Final = "journal/scan.py"
INBOX: Final = "journal/inbox.py"

OWN: Final = "tests/durability/test_promises.py::"
INPUT: Final = "tests/durability/test_bad_input.py::"
FORMAT: Final = "tests/core/test_journal_format.py::"
REGISTRY: Final = "tests/core/test_registry.py::"
JSON_STORE: Final = "tests/core/test_json_store.py::"


class Mutant(NamedTuple):
    """In `file`, below taskqueue_edu/, `source` is once, and `test` fails with `instead`."""

    name: str
    file: str
    source: str
    instead: str
    test: str


MUTANTS: Final = (
    # -- what is synced, and when
    Mutant(
        "a sync does nothing",
        "files.py",
        "        os.fdatasync(descriptor)\n",
        "        pass\n",
        JSON_STORE + "test_always_syncs_before_it_returns",
    ),
    Mutant(
        "the level always is that of process",
        STORE,
        "        if self._always:\n",
        "        if False:\n",
        JSON_STORE + "test_always_syncs_before_it_returns",
    ),
    Mutant(
        "the level process waits for the disk",
        STORE,
        "        if self._always:\n",
        "        if True:\n",
        JSON_STORE + "test_process_never_waits_for_the_disk",
    ),
    Mutant(
        "submit returns before its sync",
        "registry.py",
        "            if record.position:\n"
        "                self._secure(record.position, self.store.sync)\n"
        "            return len(records)\n",
        "            return len(records)\n",
        JSON_STORE + "test_always_syncs_before_it_returns",
    ),
    Mutant(
        "a result is visible before its sync",
        "registry.py",
        "            raise _again(self._over, record.id)\n"
        "        self._secure(record.position, self.store.sync)\n",
        "            raise _again(self._over, record.id)\n",
        OWN + "test_a_result_is_seen_once_it_is_on_the_disk",
    ),
    Mutant(
        "what is to be synced counts as synced before it is",
        STORE,
        '        try:\n            with files.storage_errors("sync", self.path):\n',
        "        self._synced = position\n"
        '        try:\n            with files.storage_errors("sync", self.path):\n',
        JSON_STORE + "test_a_failed_sync_is_never_tried_again",
    ),
    Mutant(
        "a sync counts for what was written during it",
        STORE,
        "            raise\n        self._synced = position\n",
        "            raise\n        self._synced = self._added\n",
        JSON_STORE + "test_one_sync_serves_all_who_wait",
    ),
    Mutant(
        "who follows a leader returns before it is done",
        STORE,
        "lambda: not self._leading or (position is not None and self._synced >= position)",
        "lambda: not self._leading or position is not None",
        OWN + "test_who_waits_for_a_sync_returns_after_it",
    ),
    Mutant(
        "each who waits syncs for itself",
        STORE,
        "leads = position is None or self._synced < position",
        "leads = True",
        JSON_STORE + "test_one_sync_serves_all_who_wait",
    ),
    Mutant(
        "a failed sync is tried again",
        STORE,
        "            # pages, and the next one would report success for bytes that are gone.\n"
        "            self._broken = error\n",
        "",
        JSON_STORE + "test_a_failed_sync_is_never_tried_again",
    ),
    Mutant(
        "the journal goes on after a failed write",
        STORE,
        '            self._broken = files.storage_error("write to", self.path, error)\n'
        "            raise self._broken from error\n",
        '            raise files.storage_error("write to", self.path, error) from error\n',
        OWN + "test_a_failed_write_is_the_last",
    ),
    Mutant(
        "a short write counts as a whole one",
        "files.py",
        "        data = data[written:]\n",
        "        return\n",
        JSON_STORE + "test_short_writes",
    ),
    Mutant(
        "the new folder's name is not synced",
        "files.py",
        "            sync_folder(folder.parent)",
        "            pass",
        JSON_STORE + "test_a_new_folder_is_synced_into_the_one_above",
    ),
    # -- torn and damaged
    Mutant(
        "a torn tail is not cut",
        STORE,
        "            files.truncate(self._file, found.end)\n",
        "",
        OWN + "test_a_torn_line_is_cut",
    ),
    Mutant(
        "torn bytes are not kept",
        STORE,
        "            files.append_synced(report.torn, found.torn)\n",
        "",
        JSON_STORE + "test_torn_twice_at_the_same_place",
    ),
    Mutant(
        "torn bytes are cut before they are kept",
        STORE,
        "            files.append_synced(report.torn, found.torn)\n"
        "            files.truncate(self._file, found.end)\n",
        "            files.truncate(self._file, found.end)\n"
        "            files.append_synced(report.torn, found.torn)\n",
        JSON_STORE + "test_torn_bytes_are_safe_before_they_are_cut",
    ),
    Mutant(
        "damage is not put aside",
        STORE,
        "offset, data, reason, _ in found.damage\n        )",
        "offset, data, reason, _ in ()\n        )",
        JSON_STORE + "test_damage_is_put_aside_once",
    ),
    Mutant(
        "damage that was put aside stays in the journal",
        STORE,
        "if found.damage or found.gaps or found.version != lines.VERSION:",
        "if found.version != lines.VERSION:",
        JSON_STORE + "test_damage_is_put_aside_once",
    ),
    Mutant(
        "a line of another program is put aside unasked",
        STORE,
        "            if not repair:\n                self._refuse_sealed(found)\n",
        "",
        INPUT + "test_a_line_that_another_program_wrote[seq-True]",
    ),
    Mutant(
        "a checksum is not compared",
        LINES,
        "    if int(match[1], 16) != zlib.crc32(open_body):\n",
        "    if False:\n",
        OWN + "test_a_value_that_was_changed_is_no_result",
    ),
    Mutant(
        "checksums are not compared in a block",
        SCAN,
        '    if found != bytes.fromhex(b"".join(sums).decode()):\n',
        "    if False:\n",
        OWN + "test_a_line_that_was_changed_is_seen_among_good_ones",
    ),
    Mutant(
        "the numbers of lines are not looked at in a block",
        SCAN,
        "    return stored if [line.seq for line in read] == list(range(seq, seq + len(sums)))"
        " else None\n",
        "    return stored\n",
        OWN + "test_lines_out_of_order_are_seen_among_good_ones",
    ),
    Mutant(
        "a line may go on in the next",
        SCAN,
        r"\n(?=\{|\Z)",
        r"\n",
        FORMAT + "test_a_line_is_one_object",
    ),
    Mutant(
        "a line may have a newline in it",
        SCAN,
        ' or block.count(b"\\n") != len(sums)',
        "",
        FORMAT + "test_a_line_is_one_object",
    ),
    Mutant(
        "a gap in the numbers is not seen",
        SCAN,
        "                found.gaps.append((found.seq + 1, seq - 1))\n",
        "                pass\n",
        OWN + "test_a_gap_is_reported",
    ),
    Mutant(
        "a line that is there twice counts twice",
        SCAN,
        "                if seq > found.seq:\n                    found.facts.append(fact)\n",
        "                found.facts.append(fact)\n",
        OWN + "test_a_line_that_is_there_twice_counts_once",
    ),
    Mutant(
        "a second submission of an id counts",
        "ledger.py",
        "            elif kind not in (facts.SUBMITTED, facts.KEPT):\n",
        "            elif kind != facts.KEPT:\n",
        OWN + "test_a_submission_that_is_there_twice_counts_once",
    ),
    Mutant(
        "a result without a start is passed over",
        "ledger.py",
        "next_status(_RUNNING if unseen else record.status, kind)",
        "next_status(record.status, kind)",
        OWN + "test_a_result_whose_start_is_lost_counts",
    ),
    Mutant(
        "a start in the journal counts whatever the task's status is",
        "ledger.py",
        "elif kind == facts.STARTED and record.status is _PENDING:",
        "elif kind == facts.STARTED:",
        REGISTRY + "test_each_step_of_a_stored_life_is_checked",
    ),
    Mutant(
        "a result in the journal counts whatever the task's status is",
        "ledger.py",
        "elif kind == facts.SUCCEEDED and record.status is _RUNNING:",
        "elif kind == facts.SUCCEEDED:",
        REGISTRY + "test_each_step_of_a_stored_life_is_checked",
    ),
    Mutant(
        "a newer version is read as this one",
        SCAN,
        "    if about.version > VERSION:\n",
        "    if False:\n",
        OWN + "test_a_newer_version_is_refused",
    ),
    # -- the process dies
    Mutant(
        "a recovery does not count",
        "ledger.py",
        "            record.recoveries += 1\n",
        "            pass\n",
        OWN + "test_a_task_that_kills_its_process_dies",
    ),
    Mutant(
        "max_recoveries is not looked at",
        "dispatch.py",
        "given_back >= self.max_recoveries",
        "False",
        OWN + "test_a_task_that_kills_its_process_dies",
    ),
    Mutant(
        "a start that was interrupted is no attempt",
        "queue.py",
        "                self.dispatcher.lose(run, ",
        "                self.registry.record(facts.RELEASED, record, run.worker, 'died', run);"
        " self.dispatcher.line_up(record); str(",
        OWN + "test_a_task_that_kills_its_process_dies",
    ),
    # -- the inbox
    Mutant(
        "a request is removed before the journal is synced",
        INBOX,
        "        self._queue.sync()\n",
        "",
        OWN + "test_a_request_stays_until_the_journal_has_it",
    ),
    Mutant(
        "a request is taken in twice",
        INBOX,
        "request[0] == facts.SUBMITTED and not self._queue.knows(request[1])",
        "request[0] == facts.SUBMITTED",
        OWN + "test_a_request_of_a_known_id_changes_nothing",
    ),
    Mutant(
        "a request is not removed",
        INBOX,
        "                path.unlink(missing_ok=True)\n",
        "                pass\n",
        OWN + "test_a_request_of_a_known_id_changes_nothing",
    ),
    Mutant(
        "a request gets its name before it is synced",
        "files.py",
        "        write_all(descriptor, data)\n        sync_data(descriptor)\n",
        "        write_all(descriptor, data)\n",
        OWN + "test_a_request_is_on_the_disk_before_its_id_is_given_out",
    ),
    Mutant(
        "the name of a request is not synced",
        "files.py",
        "            raise\n        sync_folder(path.parent)\n",
        "            raise\n",
        OWN + "test_a_request_is_on_the_disk_before_its_id_is_given_out",
    ),
    Mutant(
        "a bad request is thrown away",
        INBOX,
        "            self._quarantine.keep([Quarantined.of(path.name, 0, data, str(error))])\n",
        "",
        INPUT + "test_a_bad_file_in_the_inbox[wrong-checksum]",
    ),
    Mutant(
        "a request of another name is taken in",
        INBOX,
        ' or path.name != f"{request[1]}.{request[0]}"',
        "",
        INPUT + "test_a_bad_file_in_the_inbox[id-of-another]",
    ),
    # -- compaction
    Mutant(
        "a compacted journal is renamed before its tail is synced",
        STORE,
        "        files.sync_data(new)\n        # Until the name",
        "        # Until the name",
        OWN + "test_a_compaction_is_on_the_disk_before_it_has_the_name",
    ),
    Mutant(
        "the name of a compacted journal is not synced",
        STORE,
        "        files.sync_folder(self.folder)\n"
        "        self._synced = self._written\n        self._broken = None\n",
        "        self._synced = self._written\n        self._broken = None\n",
        OWN + "test_a_compaction_is_on_the_disk_before_it_has_the_name",
    ),
    Mutant(
        "what came during a compaction is not copied",
        STORE,
        "        files.write_all(new, files.read_range(self._file, end, self._length()))\n",
        "",
        OWN + "test_what_is_written_during_a_compaction_is_in_it",
    ),
    Mutant(
        "the store goes on in the file that has no name any more",
        STORE,
        "        os.dup2(new, self._file, inheritable=False)\n",
        "",
        OWN + "test_what_is_written_during_a_compaction_is_in_it",
    ),
    Mutant(
        "a position is taken for a length of the file",
        STORE,
        "        self._taken_off += end - length\n",
        "",
        OWN + "test_positions_grow_through_a_compaction",
    ),
    # -- the folder
    Mutant(
        "the lock is not taken",
        "files.py",
        "                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        OWN + "test_a_folder_has_one_owner",
    ),
    Mutant(
        "files are readable by others",
        "files.py",
        "0o600)",
        "0o644)",
        JSON_STORE + "test_private",
    ),
    Mutant(
        "the folder is readable by others",
        "files.py",
        "mode=0o700",
        "mode=0o755",
        JSON_STORE + "test_private",
    ),
    Mutant(
        "the folder may be a symbolic link",
        "files.py",
        "        if folder.is_symlink():\n",
        "        if False:\n",
        INPUT + "test_a_symlink_in_place_of_the_folder",
    ),
    # -- bad input
    Mutant(
        "nesting is not limited",
        "limits.py",
        '        if payload.count(b"[") + payload.count(b"{") > self.nesting:\n',
        "        if False:\n",
        INPUT + "test_a_bad_task[one-too-deep]",
    ),
    Mutant(
        "the size of a task is not limited",
        "limits.py",
        "        if len(payload) > self.payload:\n",
        "        if False:\n",
        INPUT + "test_a_bad_task[huge]",
    ),
    Mutant(
        "the length of a string is not limited",
        "limits.py",
        "        if len(payload) > self.text:\n",
        "        if False:\n",
        INPUT + "test_a_task_over_a_limit[text]",
    ),
    Mutant(
        "the owner's limits don't hold for its inbox",
        "journal/queue.py",
        "        self.dispatcher.limits.check(submission.payload, submission.type)\n",
        "",
        INPUT + "test_a_request_over_a_limit[payload-nobody-knows]",
    ),
    Mutant(
        "what JSON changes is taken",
        "catalogue.py",
        "            if not _same(before, after):\n",
        "            if False:\n",
        INPUT + "test_a_bad_task[tuple-for-list]",
    ),
    Mutant(
        "a line of any size is read",
        SCAN,
        "            if len(line) > lines.MAX_LINE:\n",
        "            if False:\n",
        INPUT + "test_a_huge_line",
    ),
    Mutant(
        "an unknown setting is ignored",
        "config.py",
        "        if key not in _RULES:\n            raise _unknown(",
        "        if key not in _RULES:\n            continue\n            raise _unknown(",
        INPUT + "test_a_bad_file_of_settings[unknown]",
    ),
    Mutant(
        "a task of an unknown type counts as one that can run",
        "queue.py",
        "            self.registry.park(record)\n",
        "            self.dispatcher.line_up(record)\n",
        INPUT + "test_a_request_of_an_unknown_type",
    ),
)
