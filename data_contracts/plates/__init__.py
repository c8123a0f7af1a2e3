"""Number plates: the grammar, the same as SQL, and what a misread one may have been."""
