"""May we: the rules, and the gate that makes a Permit or a Refusal. Pure; only the DNC lookup maps a file."""
