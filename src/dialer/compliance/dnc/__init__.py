"""Do-not-call registries at their real size: files that are mapped, not loaded."""
