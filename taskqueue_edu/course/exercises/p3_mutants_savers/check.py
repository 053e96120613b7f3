"""What a test of savers has to tell apart: the implementations here, right and broken."""

from taskqueue_edu.course.exercises.p3_save.check import crashed, if_kind, it_saves
from taskqueue_edu.lab.probes import Check

check = Check("save")

check.probe(question="Which name does the file have that you wrote into?")(it_saves)


@check.probe("rename_is_durable", question="At which moment is there neither the old nor the new?")
def the_name_is_always_there(save):
    """The file is looked for by its name after each crash."""
    verdict = crashed(save, faults=())
    lost = verdict.failure is not None and "FileNotFoundError" in verdict.failure.recovered
    return verdict if lost else if_kind(verdict, "without fsync of the folder")


@check.probe("write_is_durable", question="When are the bytes on the disk?")
def the_bytes_are_there(save):
    """The bytes are looked for after each crash."""
    return crashed(save, faults=())


@check.probe("swallowing_is_robust", question="Who has to hear of the error?")
def a_failure_is_told(save):
    """The bytes are looked for after each crash, and each fsync fails once."""
    return crashed(save)
