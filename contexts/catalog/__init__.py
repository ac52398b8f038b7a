"""What is sold: categories, products, their images and their stock."""
