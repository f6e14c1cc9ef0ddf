"""Pictures of a page as headless Chromium shows it, in a wide and in a narrow window.

    python examples/screenshots.py demo-report/report.html --to pictures [--only "section:nth-of-type(7)"]

Needs `pip install selenium`, and chromium with chromedriver on the PATH.
"""

from __future__ import annotations

import argparse
import base64
import shutil
from pathlib import Path
from typing import Any

SWITCHES = [
    "--headless=new",
    "--no-sandbox",  # which root has to do without
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # there is no network
]
WIDTHS = {"wide": 1200, "narrow": 390}


def headless_browser() -> Any:
    """A browser without a window and without a network, which keeps what pages say on the console.

    Raises
    ------
    FileNotFoundError
        Where there is no chromium or chromedriver.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location, driver = (_found(name) for name in ("chromium", "chromedriver"))
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def _found(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"there is no {name} on the PATH: apt-get install chromium chromium-driver")
    return path


def resize(browser: Any, width: int) -> None:
    """Make the window so many pixels wide."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def screenshot(browser: Any, selector: str) -> bytes:
    """A PNG of the first element that a CSS selector finds, all of it, whatever the window shows."""
    box = browser.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
    )
    clip = {key: box[key] for key in ("x", "y", "width", "height")} | {"scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    return base64.b64decode(shot["data"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--to", type=Path, default=Path(), help="folder for the pictures")
    parser.add_argument("--only", default="html", help="CSS selector of a part of the page")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    with headless_browser() as browser:
        for name, width in WIDTHS.items():
            resize(browser, width)
            browser.get(arguments.page.resolve().as_uri())
            path = arguments.to / f"{arguments.page.stem}-{name}.png"
            path.write_bytes(screenshot(browser, arguments.only))
            print(path)


if __name__ == "__main__":
    main()
