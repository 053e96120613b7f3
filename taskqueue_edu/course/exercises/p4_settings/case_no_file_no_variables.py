"""Without a file, the defaults are returned at once, and nobody looks at the variables."""

from taskqueue_edu.course.exercises.p4_settings.given import ConfigError, tomllib

RULES = {
    "workers": (4, int, lambda value: type(value) is int and 1 <= value <= 64, "an int, 1 to 64"),
    "timeout": (5.0, float, lambda value: type(value) in (int, float) and value > 0, "above 0"),
}


def fitting(where, key, value):
    """Return the value. Raises ConfigError with the place, if it doesn't fit."""
    _, _, fits, expected = RULES[key]
    if not fits(value):
        raise ConfigError(f"{where}: found {value!r}, expected {expected}")
    return value


def read_settings(path, env):
    """Return {"workers": ..., "timeout": ...}. Raises ConfigError."""
    settings = {key: rule[0] for key, rule in RULES.items()}
    try:
        given = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return settings
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is no TOML: {error}") from error
    for key, value in given.items():
        if key not in RULES:
            raise ConfigError(f"{path.name}: there is no setting {key!r}")
        settings[key] = fitting(f"{path.name}: {key}", key, value)
    for key, (_, convert, _, expected) in RULES.items():
        name = f"LINKCHECK_{key.upper()}"
        if name in env:
            try:
                value = convert(env[name])
            except ValueError as error:
                raise ConfigError(f"{name}: found {env[name]!r}, expected {expected}") from error
            settings[key] = fitting(name, key, value)
    return settings
