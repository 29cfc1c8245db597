"""The operator's face: one file per noun; the composition root."""
