"""The product's main job in one command: ``python -m examples.demo``."""
