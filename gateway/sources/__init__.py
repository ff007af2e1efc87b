"""The world becomes readings: one poller per bus, one subscription for all nodes, one intake."""
