"""Who: numbers, candidate time zones, import rows, consent. Pure."""
