"""OTLP's encoded form: read as far as is needed, and changed without decoding the rest."""
