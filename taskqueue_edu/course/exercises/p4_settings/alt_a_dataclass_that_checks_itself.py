from dataclasses import fields

from taskqueue_edu.course.exercises.p4_settings.given import ConfigError, dataclass, tomllib


@dataclass
class Settings:
    workers: int = 4
    timeout: float = 5.0

    def __post_init__(self):
        if type(self.workers) is not int or not 1 <= self.workers <= 64:
            raise ConfigError(f"workers: found {self.workers!r}, expected 1 to 64")
        if type(self.timeout) not in (int, float) or not self.timeout > 0:
            raise ConfigError(f"timeout: found {self.timeout!r}, expected a number above 0")


def placed(place, **values):
    """Return settings with these values. Raises ConfigError with the place."""
    try:
        return Settings(**values)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{place}: {error}") from error


def read_settings(path, env):
    """Return {"workers": ..., "timeout": ...}. Raises ConfigError."""
    values = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        placed(path, **values)
    for field in fields(Settings):
        name = f"LINKCHECK_{field.name.upper()}"
        if name in env:
            try:
                values[field.name] = field.type(env[name])
            except ValueError as error:
                raise ConfigError(f"{name}: {error}") from error
            placed(name, **{field.name: values[field.name]})
    return vars(Settings(**values))
