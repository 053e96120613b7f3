"""It removes the old file before the new one has its name."""

import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
    os.rename(new, path)
    sync_folder(path.parent)
