"""The other side: simulated callees over real SIP and RTP."""
