"""The defaults are changed by each call."""

from taskqueue_edu.course.exercises.p4_settings.given import ConfigError, tomllib


FOUND = {"workers": (4, "default"), "timeout": (5.0, "default")}


def read_settings(path, env):
    """Return {"workers": ..., "timeout": ...}. Raises ConfigError."""
    found = FOUND
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        table = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for key, value in table.items():
        if key not in found:
            raise ConfigError(f"{path}: unknown setting {key}")
        found[key] = value, f"{path}, {key}"

    for key, kind in (("workers", int), ("timeout", float)):
        variable = "LINKCHECK_" + key.upper()
        if (text := env.get(variable)) is not None:
            try:
                found[key] = kind(text), variable
            except ValueError as error:
                raise ConfigError(f"{variable} is {text!r}, which is no number") from error

    workers, place = found["workers"]
    if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= 64:
        raise ConfigError(f"{place}: workers is {workers!r}, expected 1 to 64")
    timeout, place = found["timeout"]
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not timeout > 0:
        raise ConfigError(f"{place}: timeout is {timeout!r}, expected a number above 0")
    return {"workers": workers, "timeout": timeout}
