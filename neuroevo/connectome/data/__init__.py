"""Bundled connectome tables; SOURCES.md says where each comes from."""
