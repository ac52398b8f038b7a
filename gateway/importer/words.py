"""Text as people put it into spreadsheets, brought into one form."""

import unicodedata


def tidy(text: str) -> str:
    """Without padding, and every run of blanks (the no-break space too) as one space."""
    return " ".join(text.split())


def folded(text: str) -> str:
    """Tidy, in capitals, without accents: "  Preço  Médio" is "PRECO MEDIO"."""
    # Decomposing sorts each run of combining marks, in the square of its length.
    unmarked = "".join(c for c in tidy(text) if not unicodedata.combining(c))
    decomposed = unicodedata.normalize("NFKD", unmarked)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).upper()
