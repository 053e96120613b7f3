"""The exercises of the course, a folder each: see `taskqueue_edu.lab.exercises.Exercise`."""
