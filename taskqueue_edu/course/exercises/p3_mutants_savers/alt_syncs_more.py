import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_suffix(".tmp")
    new.write_bytes(data)
    with open(new, "rb+") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)
    new.replace(path)
    sync_folder(path.parent)
