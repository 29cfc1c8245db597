"""The call: script, states and transitions, causes, outcome. Pure."""
