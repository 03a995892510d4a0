"""The bill of materials (SBOM) of a release, as CycloneDX."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any


def complete_bill(text: str, *, version: str, digest: str, epoch: int) -> str:
    """Return uv's bill with the release in it, the same for each build of it.

    uv leaves out the version of the project. It puts in the time, a random serial
    number, and the addresses of the registry that the builder happens to use.

    Args:
        text: What uv exported.
        version: The project's version.
        digest: SHA-256 of the wheel, in hexadecimal.
        epoch: The time of the release, in seconds since 1970.

    Raises:
        ValueError: It is no bill of the project, or a component has no version.
    """
    bill: dict[str, Any] = json.loads(text)
    if bill.get("bomFormat") != "CycloneDX":
        raise ValueError("not a bill of CycloneDX")
    project = bill["metadata"]["component"]
    if project["name"] != "argybargy":
        raise ValueError(f"a bill of {project['name']}")
    for component in bill["components"]:
        if not component.get("version"):
            raise ValueError(f"{component['name']} has no version")
        component.pop("externalReferences", None)
    project["version"] = version
    project["purl"] = f"pkg:pypi/argybargy@{version}"
    project["licenses"] = [{"license": {"id": "MIT"}}]
    project["hashes"] = [{"alg": "SHA-256", "content": digest}]
    bill["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, digest).urn
    bill["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"
