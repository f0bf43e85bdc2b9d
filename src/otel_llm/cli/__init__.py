"""The ``otel-llm`` command: one module per group of subcommands.

Each module has ``add(commands)``, which only describes its subcommands; what they need is imported
when one of them runs, so ``otel-llm --version`` loads nothing. Exit codes: 0 all well, 1 what was
asked about is not well, 2 the question was wrong (usage, configuration).
"""

from .main import main, parser

__all__ = ["main", "parser"]
