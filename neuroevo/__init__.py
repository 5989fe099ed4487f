"""The engine: connectomes to architectures to populations to evidence."""
