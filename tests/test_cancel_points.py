"""`support.cancel_points` cancels at every checkpoint."""

import trio

from support.cancel_points import cutting, run_cut


async def test_each_pause_is_cut_in_turn_and_then_there_is_none_left() -> None:
    done: list[int] = []

    async def three_steps() -> None:
        for step in (1, 2, 3):
            await trio.lowlevel.checkpoint()
            done.append(step)

    seen = []
    for at in (1, 2, 3, 4):
        done.clear()
        knife = await run_cut(three_steps, at)
        seen.append((knife.was_reached, knife.scope.cancelled_caught, list(done)))
    assert seen == [
        (True, True, []),
        (True, True, [1]),
        (True, True, [1, 2]),
        (False, False, [1, 2, 3]),
    ]


async def test_what_is_shielded_goes_on_to_its_end() -> None:
    done: list[str] = []

    async def with_care() -> None:
        with trio.CancelScope(shield=True):
            await trio.lowlevel.checkpoint()
            done.append("shielded")
        await trio.lowlevel.checkpoint()
        done.append("open")

    knife = await run_cut(with_care, 1)
    assert (knife.scope.cancelled_caught, done) == (True, ["shielded"])


async def test_the_pauses_of_everybody_count_where_nobody_is_named() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await trio.lowlevel.checkpoint()
        done.append(number)

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            with cutting(scope, 2) as knife:
                nursery.start_soon(work, 1)
                nursery.start_soon(work, 2)
                await trio.sleep_forever()
    assert knife.was_reached
    assert done == []
