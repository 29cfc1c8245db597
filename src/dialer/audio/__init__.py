"""The sound: preparing messages, hearing who answered. Pure, but for the files that ``prepare`` reads and writes."""
