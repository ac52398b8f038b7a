"""What a product is, and the catalog's rules: slugs, quantity steps, availability, what may be searched."""
