import tomllib
from dataclasses import dataclass, fields

from taskqueue_edu import ConfigError

__all__ = ["ConfigError", "dataclass", "fields", "tomllib"]
