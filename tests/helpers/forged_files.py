"""Model files with changed contents and valid checksums."""

from __future__ import annotations

import hashlib
import json
import zipfile

from sklearn_recsketch._persistence.zip_members import MemberWriter

DOCUMENT = "model.json"


def contents(path):
    """Members of a ZIP file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forge(path, change=lambda document, members: None, valid=True):
    """Change the document and the members of a model file in place. If `valid`, the checksums are valid."""
    members = contents(path)
    document = json.loads(members.pop(DOCUMENT))
    change(document, members)
    if valid:
        for name in document.get("arrays", {}).keys() & members.keys():
            document["arrays"][name]["crc32"] = zipfile.crc32(members[name])
        del document["sha256"]
        document = {"sha256": hashlib.sha256(json.dumps(document).encode()).hexdigest()} | document
    write(path, members | {DOCUMENT: json.dumps(document).encode()})


def write(path, members):
    """Write the members of a model file."""
    with path.open("wb") as file:
        writer = MemberWriter(file)
        for name, data in members.items():
            writer.add(name, [data])
        writer.close()
