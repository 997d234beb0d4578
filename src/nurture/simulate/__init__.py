"""A world around the engine: virtual time, pretend people, a pretend sales team."""
