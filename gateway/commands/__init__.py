"""What a person types: one file per command, each with ``add_arguments`` and ``run``."""
