# Put @task_type and @dataclass here.
class TotalSize:
    """Fetch several pages and add up their sizes in bytes."""

    # Put the field here.

    def execute(self) -> int: ...
