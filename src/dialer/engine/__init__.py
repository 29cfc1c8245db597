"""The run: plan, claim, gate, place, record; supervision and shutdown."""
