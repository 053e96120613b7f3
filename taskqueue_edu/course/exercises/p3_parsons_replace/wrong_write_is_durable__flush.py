"""flush() is taken for fsync()."""

import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name("new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
    os.replace(new, path)
    sync_folder(path.parent)
