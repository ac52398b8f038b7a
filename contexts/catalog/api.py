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
    Measures,
    PricePerspective,
    ProductDraft,
    ProductFilter,
    Products,
    ProductSort,
    Published,
    References,
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
    "Measures",
    "PricePerspective",
    "Product",
    "ProductDraft",
    "ProductFilter",
    "ProductSort",
    "Products",
    "PublishProducts",
    "Published",
    "References",
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
    measures: Measures
    publish: PublishProducts
    images: Images
