"""The calling law as data: one TOML file per region, read by dialer.compliance.rules."""
