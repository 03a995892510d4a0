"""Share one relay among the recipes, since each has a room of its own."""

from collections.abc import Iterator

import pytest

from support.recipe_house import House, Room, open_house, open_room


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A relay without rate limits."""
    data = tmp_path_factory.mktemp("recipes") / "data"
    with open_house(
        data, ARGYBARGY_RATE_MAX="0", ARGYBARGY_READS_MAX="0", ARGYBARGY_CLAIMS_MAX="0"
    ) as house:
        yield house


@pytest.fixture
def room(house: House, request: pytest.FixtureRequest) -> Iterator[Room]:
    """A room named after the test."""
    name = request.node.name.removeprefix("test_").replace("[", ".").rstrip("]")[:60]
    with open_room(house, name) as room:
        yield room
