"""How export requests come in: the OTLP servers and what they answer. Knows no pipeline."""
