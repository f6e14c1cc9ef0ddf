"""Print the licences of the installed package and its dependencies. Fail if one is not in the list."""

import re
import sys
from importlib.metadata import distributions

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "LLVM-exception",
    "MIT",
    "PSF-2.0",
    "Zlib",
}
# Names in classifiers and in the older field License, where they say less than an SPDX expression.
NAMES = {
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD",
    "Dual License": "BSD OR Apache-2.0",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}


def expression(metadata):
    """Return the licence of a distribution as an SPDX expression."""
    if metadata["License-Expression"]:
        return metadata["License-Expression"]
    prefix = "License :: OSI Approved :: "
    classifiers = [one.removeprefix(prefix) for one in metadata.get_all("Classifier", []) if one.startswith(prefix)]
    names = classifiers or [(metadata["License"] or "unknown").splitlines()[0]]
    return " OR ".join(NAMES.get(name, name) for name in names)


def is_allowed(licence):
    """Return True if one of the alternatives consists of allowed licences."""
    alternatives = [re.split(r" AND | WITH ", one) for one in re.sub("[()]", "", licence).split(" OR ")]
    if "AND" in licence and "(" in licence:  # every licence counts where an alternative is inside a conjunction
        alternatives = [[name for names in alternatives for name in names]]
    return any({name.strip() for name in names} <= ALLOWED for names in alternatives)


refused = []
for distribution in sorted(distributions(), key=lambda one: one.name.lower()):
    licence = expression(distribution.metadata)
    print(f"{distribution.name:20} {distribution.version:12} {licence}")
    if not is_allowed(licence):
        refused.append(f"{distribution.name}: {licence}")
if refused:
    sys.exit(f"Licences that are not in ALLOWED: {'; '.join(refused)}. Read the licence before you add it there.")
