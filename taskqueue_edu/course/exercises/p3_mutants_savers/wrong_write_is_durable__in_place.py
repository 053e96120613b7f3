"""It empties the old file, and writes the new bytes into it."""

import os

from taskqueue_edu.files import sync_folder


def save(path, data):
    path.write_bytes(data)
