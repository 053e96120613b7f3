from taskqueue_edu.course.exercises.p4_settings.given import ConfigError, tomllib


def read_settings(path, env):
    """Return {"workers": ..., "timeout": ...}. Raises ConfigError."""
    given = tomllib.loads(path.read_text()) if path.exists() else {}
    workers: int = int(env.get("LINKCHECK_WORKERS", given.get("workers", 4)))
    timeout: float = float(env.get("LINKCHECK_TIMEOUT", given.get("timeout", 5.0)))
    return {"workers": workers, "timeout": timeout}
