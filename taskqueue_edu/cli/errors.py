"""The one error that only the command has."""

from taskqueue_edu.errors import TaskQueueError


class CommandError(TaskQueueError):
    """The command can't be carried out as it was given; nothing was changed."""
