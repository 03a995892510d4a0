"""What became of a commit when the store could not say."""

from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.interface import Store


async def settle_version(store: Store, room: str) -> int:
    """Return the version of a room, which a doubtful commit can change no more.

    Looking alone would not tell: a crash might still bring back what cannot be seen,
    or lose what can. Behind another write that is durable, it is final.

    Raises:
        Unknown: Nothing can be made durable now; the doubt remains.
    """
    try:
        await store.probe()
        stored = await store.load(room, tail_messages=1)
    except StoreError as error:
        raise Unknown(str(error)) from error
    return 0 if stored is None else stored.version


async def end_doubt(store: Store) -> None:
    """Make sure that what can be read from now on is final.

    Raises:
        Refused: Nothing can be made durable now. What was to come next was not begun.
    """
    try:
        await store.probe()
    except StoreError as error:
        raise Refused(f"an earlier commit is in doubt: {error}") from error
