"""Pages for people behind links, hooks for providers and sales, and a few for the operator."""
