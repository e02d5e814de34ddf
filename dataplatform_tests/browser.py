"""A browser for tests that look at pages.

With DATAPLATFORM_SCREENSHOTS set to a folder, pictures are kept there to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the machine's Chromium."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    assert found, "No Chromium: `make test` installs it, by hand `apt-get install chromium`."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture of what is seen, or of the whole page, where pictures are asked for."""
    if folder := os.environ.get("DATAPLATFORM_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=whole)
