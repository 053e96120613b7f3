import tomllib
from dataclasses import dataclass

from taskqueue_edu import ConfigError

__all__ = ["ConfigError", "dataclass", "tomllib"]
