"""The error of a relay without the extra ``argybargy[postgres]``."""

from argybargy.store.errors import Incompatible


def missing_extra(error: ImportError) -> Incompatible:
    """Return the error for packages of the extra that cannot be imported."""
    return Incompatible(
        "a PostgreSQL store needs the extra argybargy[postgres], which cannot be "
        f"imported: {error}. Install it: pip install 'argybargy[postgres]'"
    )
