"""One way to compare hashtags, keywords and handles, whatever their script."""

import unicodedata


def search_key(text: str) -> str:
    """Return what two spellings of a hashtag have in common: form, case, `#` and blanks do not matter."""
    return "".join(unicodedata.normalize("NFKC", text).replace("#", "").casefold().split())
