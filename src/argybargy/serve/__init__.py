"""The composition root: settings to store to relay to app to listener."""
