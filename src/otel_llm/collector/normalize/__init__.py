"""Older and foreign dialects of GenAI telemetry in the words of the current conventions."""
