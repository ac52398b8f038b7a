"""Orders: the cart, the checkout and the order's way to the building site."""
