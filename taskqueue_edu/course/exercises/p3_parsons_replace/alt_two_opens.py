import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name("new")
    new.write_bytes(data)
    with open(new, "rb+") as file:
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(path.parent)
