"""When: campaign definition, pacing, retry and planning of due contacts. Pure."""
