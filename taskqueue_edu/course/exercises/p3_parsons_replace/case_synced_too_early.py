"""fsync comes while the bytes are in the buffer of the process."""

import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name("new")
    with open(new, "wb") as file:
        file.write(data)
        os.fsync(file.fileno())
        file.flush()
    os.replace(new, path)
    sync_folder(path.parent)
