"""The account: totals, funnel, evidence, export. Pure."""
