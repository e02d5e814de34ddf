"""The sources that can be synced, one module each."""
