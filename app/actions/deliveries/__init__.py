"""What leaves: fan-outs, pauses and limits, and sending after a restore."""
