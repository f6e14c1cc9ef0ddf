"""Screenshots of a page in headless Chromium, in a wide and in a narrow window.

    python examples/screenshots.py demo-report/report.html --to pictures [--only "section:nth-of-type(7)"]

Requires `pip install selenium`, and chromium and chromedriver on the PATH.
"""

from __future__ import annotations

import argparse
import base64
import shutil
from pathlib import Path
from typing import Any

SWITCHES = [
    "--headless=new",
    "--no-sandbox",  # required if run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # disables network access, except to this machine
]
WIDTHS = {"wide": 1400, "narrow": 400}


def headless_browser() -> Any:
    """Start a browser without a window, which reaches no other machine and records the console log.

    Raises
    ------
    FileNotFoundError
        If chromium or chromedriver is not installed.
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
        raise FileNotFoundError(f"{name} is not on the PATH. Install it with: apt-get install chromium chromium-driver")
    return path


def resize(browser: Any, width: int) -> None:
    """Set the width of the window in pixels."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def screenshot(browser: Any, selector: str) -> bytes:
    """PNG of the first element that matches a CSS selector, including parts outside of the window."""
    box = browser.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
    )
    clip = {key: box[key] for key in ("x", "y", "width", "height")} | {"scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    return base64.b64decode(shot["data"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--to", type=Path, default=Path(), help="folder for the screenshots")
    parser.add_argument("--only", default="html", help="CSS selector of the part of the page to capture")
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
