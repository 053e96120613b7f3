"""Its messages name the file and the variable, whichever of them is wrong."""

from taskqueue_edu.course.exercises.p4_settings.given import ConfigError, tomllib


def read_settings(path, env):
    """Return {"workers": ..., "timeout": ...}. Raises ConfigError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        data = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for key in data:
        if key not in ("workers", "timeout"):
            raise ConfigError(f"{path}: {key}: unknown, found {data[key]!r}")
    try:
        workers, timeout = data.get("workers", 4), data.get("timeout", 5.0)
        if "LINKCHECK_WORKERS" in env:
            workers = int(env["LINKCHECK_WORKERS"])
        if "LINKCHECK_TIMEOUT" in env:
            timeout = float(env["LINKCHECK_TIMEOUT"])
    except ValueError as error:
        raise ConfigError(f"LINKCHECK_WORKERS or LINKCHECK_TIMEOUT: {error}") from error
    if type(workers) is not int or not 1 <= workers <= 64:
        raise ConfigError(f"{path}: workers / LINKCHECK_WORKERS: found {workers!r}")
    if type(timeout) not in (int, float) or not timeout > 0:
        raise ConfigError(f"{path}: timeout / LINKCHECK_TIMEOUT: found {timeout!r}")
    return {"workers": workers, "timeout": timeout}
