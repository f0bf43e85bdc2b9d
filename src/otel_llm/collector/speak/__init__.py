"""Telemetry in the words of another dialect, for destinations that read those: the way back of
``normalize``."""
