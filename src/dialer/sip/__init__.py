"""The wire: endpoint, owner thread, the agent process; the only importer of pjsua2."""
