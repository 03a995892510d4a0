import pytest

from argybargy.web.app import create_quart
from support.web_app import open_site


async def test_a_rule_that_matches_a_path_builds_none() -> None:
    async with open_site() as site:
        urls = create_quart(site.services).url_map.bind("relay")
    assert urls.match("/messages/7/claim", "POST")[1] == {"seq": "7"}
    with pytest.raises(NotImplementedError, match="build no URL"):
        urls.build("GET /health")
