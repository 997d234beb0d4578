"""Use cases, one verb a module: read facts, call core, store what it decided. No product rules."""
