"""Small pluggable models: what trading costs."""
