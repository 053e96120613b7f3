"""The course: the sources of the notebooks, and the builder that turns them into notebooks.

    phase1.py ... phase4.py     prose and code, one file a notebook
    show.py                     what the cells of a notebook show things with
    probes.py                   what the checks of exercises force a schedule with
    costs.py                    what a task costs in one pool and in another
    sources.py                  source -> notebook that has not run
    execute.py                  run it, keep what is the same on every machine
    rules.py, paths.py          what must hold for a notebook that has run
    builder.py                  build all, check all
    export.py                   what an instructor hands out and grades with
    scaffold.py, template/      the folder of a new exercise; AUTHORING.md is its guide
    __main__.py                 the command: python -m taskqueue_edu.course

The files in notebooks/ are generated: change the source, never the notebook.
"""
