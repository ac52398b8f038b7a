"""The catalog's only door."""

from dataclasses import dataclass

from contexts.catalog.domain.product import (
    Availability,
    Category,
    Image,
    Product,
    StockStatus,
)
from contexts.catalog.ports import (
    Categories,
    Images,
    PricePerspective,
    ProductDraft,
    ProductFilter,
    Products,
    ProductSort,
    Published,
    Shortage,
    Stock,
    StockLine,
    StoredImage,
)
from contexts.catalog.use_cases.publish import PublishProducts

__all__ = [
    "Availability",
    "Catalog",
    "Categories",
    "Category",
    "Image",
    "Images",
    "PricePerspective",
    "Product",
    "ProductDraft",
    "ProductFilter",
    "ProductSort",
    "Products",
    "PublishProducts",
    "Published",
    "Shortage",
    "Stock",
    "StockLine",
    "StockStatus",
    "StoredImage",
]


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the rest of the house may do with the catalog."""

    products: Products
    categories: Categories
    stock: Stock
    publish: PublishProducts
    images: Images
