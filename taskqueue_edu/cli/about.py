"""`taskqueue types` and `config`: what this installation knows, and how it is set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import print_json, print_table

if TYPE_CHECKING:
    from taskqueue_edu.catalogue import TaskType


def types(imports: options.Imports = None, as_json: options.AsJson = False) -> None:
    """List the task types, with their fields and results.

    These are the built-in ones and those of the modules named with --import.
    """
    from taskqueue_edu.catalogue import catalogue
    from taskqueue_edu.cli.imports import import_types

    import_types(imports)
    found = [_describe(catalogue.get(name)) for name in catalogue.names()]
    if as_json:
        print_json(found)
        return
    print_table(
        ["type", "fields", "result", "what it does"],
        [[t["name"], _fields(t["fields"]), t["result"], t["about"]] for t in found],
    )


def _describe(entry: TaskType) -> dict[str, Any]:
    cls = entry.cls
    annotations = cls.execute.__annotations__  # type: ignore[attr-defined]  # it is callable
    return {
        "name": entry.name,
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "about": (cls.__doc__ or "").partition("\n")[0],
        "fields": [
            {"name": field.name, "type": _text(field.type), "required": _required(field)}
            for field in dataclasses.fields(cls)
            if field.init
        ],
        "result": _text(annotations.get("return", "")),
        "attempts": entry.retry.attempts if entry.retry is not None else None,
    }


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _text(annotation: Any) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return annotation if isinstance(annotation, str) else str(annotation)


def _fields(fields: list[dict[str, Any]]) -> str:
    return "\n".join(f"{f['name']}: {f['type']}{'' if f['required'] else ' = ...'}" for f in fields)


def config(config_file: options.ConfigFile = None, as_json: options.AsJson = False) -> None:
    """Show the settings, and where each of them comes from.

    A variable TASKQUEUE_* wins over the file; an option on the command line wins over both.
    The file is --config, else the one that TASKQUEUE_CONFIG names, else ./taskqueue.toml.
    """
    rows = list(options.load_config(config_file).rows())
    if as_json:
        print_json(
            [{"setting": key, "value": value, "source": source} for key, value, source in rows]
        )
        return
    print_table(
        ["setting", "value", "from"],
        [[key, "-" if value is None else str(value), source] for key, value, source in rows],
    )
