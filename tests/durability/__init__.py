"""What the journal promises, tried in every state that a crash or a disk can leave it in."""
