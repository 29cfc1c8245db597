"""The memory: tables, migrations, queries; SQLite by default."""
