"""The write-ahead log: what is acknowledged is on the disk, and stays until it is delivered."""

from .log import Journal, JournalConfig, Reader

__all__ = ["Journal", "JournalConfig", "Reader"]
