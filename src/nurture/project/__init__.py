"""A project's files: read strictly, checked as a whole, turned into one frozen value."""
