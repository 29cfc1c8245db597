"""The sound: messages, splicing, tones, machine detection, digits. Pure; only preparing reads and writes files."""
