"""The folder is synced before the new name is in it."""

import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name("new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    os.replace(new, path)
