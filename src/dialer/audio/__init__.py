"""The sound: preparing messages, hearing who answered. Pure, but for the files that ``prepare`` reads and writes."""

SAMPLE_RATE = 8000  # of everything on the line
