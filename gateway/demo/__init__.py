"""The demo shop's materials, categories and pictures: data files that `prumo seed` loads."""
