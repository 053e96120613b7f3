import os
from pathlib import Path

from taskqueue_edu.files import sync_folder


def save(path, data):
    new = path.with_name("new")
# lines
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)
