"""Stands before the real rfc3987_syntax on the path of processes that tests start.

nbformat imports jsonschema, which uses that package if it is there, and that compiles a grammar
as it is imported: 0.8 s in each process. jsonschema does without: it then takes any text for an
IRI, and no notebook holds one.
"""

raise ImportError("left out: it takes long to import")
