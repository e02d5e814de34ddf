"""The cloud on a laptop: stand-ins and launchers, a program of its own."""
