"""The atomic replace, put together from its lines."""

from taskqueue_edu.course.exercises.p3_save.check import (
    fsync_has_the_bytes,
    it_saves,
    old_or_new_at_every_moment,
    the_bytes_are_on_the_disk,
    the_name_is_on_the_disk,
)
from taskqueue_edu.lab.probes import Check

check = Check("save")

check.probe(question="Which file has the name `path` after each line, and what does it hold?")(it_saves)
check.probe(question="Where are the bytes after `write`, and for which can fsync wait?")(
    fsync_has_the_bytes
)
check.probe(
    "write_is_durable",
    question="Which call must have returned before the new file may get the old one's name?",
)(the_bytes_are_on_the_disk)
check.probe("rename_is_durable", question="Where is a file's name kept, and who syncs that?")(
    the_name_is_on_the_disk
)
check.probe(question="What does the file hold after each of the steps that are shown?")(
    old_or_new_at_every_moment
)
