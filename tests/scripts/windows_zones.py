#!/usr/bin/env python3
"""Makes the table of Windows time zones, guest/engine/src/provider/microsoft/windows_zones.rs, from CLDR.

Two npm packages of the Unicode CLDR project are read: cldr-core (supplemental/windowsZones.json: which IANA zones each
Windows zone stands for) and cldr-bcp47 (bcp47/timezone.json: which IANA names mean the same, and which is today's).
Run from the root of the repository: `python3 tests/scripts/windows_zones.py`, then `cargo fmt`.
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

VERSION = "48"
OUT = pathlib.Path("guest/engine/src/provider/microsoft/windows_zones.rs")
HEAD = """//! Windows names of time zones, the IANA zone that each stands for, and the other IANA names that belong to it.
//!
//! Made by `tests/scripts/windows_zones.py` from CLDR {version} (cldr-core and cldr-bcp47 on npm); not to be edited.
//! CLDR is (c) Unicode, Inc., under the Unicode License v3 (SPDX: Unicode-3.0), <https://www.unicode.org/license.txt>.

/// (Windows name, its IANA zone, the other IANA names separated by spaces), by Windows name.
pub(super) const WINDOWS_ZONES: [(&str, &str, &str); {count}] = [
"""


def package(name: str, member: str, folder: pathlib.Path) -> dict:
    """One JSON file of an npm package."""
    listing = subprocess.run(
        ["npm", "pack", f"{name}@{VERSION}"], cwd=folder, check=True, capture_output=True, text=True
    )
    archive = listing.stdout.strip().splitlines()[-1]
    with tarfile.open(folder / archive) as files:
        return json.load(files.extractfile(f"package/{member}"))


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        windows = package("cldr-core", "supplemental/windowsZones.json", folder)
        aliases = package("cldr-bcp47", "bcp47/timezone.json", folder)

    same: dict[str, list[str]] = {}
    today: dict[str, str] = {}
    for zone in aliases["keyword"]["u"]["tz"].values():
        if not isinstance(zone, dict) or "_alias" not in zone:
            continue
        names = zone["_alias"].split()
        for alias in names:
            same[alias] = names
            today[alias] = zone.get("_iana", names[0])

    default: dict[str, str] = {}
    belongs: dict[str, str] = {}
    for row in windows["supplemental"]["windowsZones"]["mapTimezones"]:
        row = row["mapZone"]
        for iana in row["_type"].split():
            if row["_territory"] == "001":
                default[row["_other"]] = today.get(iana, iana)
            for alias in same.get(iana, [iana]):
                belongs.setdefault(alias, row["_other"])

    lines = []
    for windows_name, iana in sorted(default.items()):
        others = sorted(alias for alias, owner in belongs.items() if owner == windows_name and alias != iana)
        lines.append(f'    ("{windows_name}", "{iana}", "{" ".join(others)}"),\n')
    OUT.write_text(HEAD.format(version=VERSION, count=len(lines)) + "".join(lines) + "];\n")
    print(f"{OUT}: {len(lines)} Windows names, {len(belongs)} IANA names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
