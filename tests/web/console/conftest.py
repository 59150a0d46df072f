"""An installation in memory, and a browser on its console in which nobody has signed in yet."""

from __future__ import annotations

import pytest

from tests.support.console import Browser
from tests.support.web import WebStory


@pytest.fixture
def story() -> WebStory:
    return WebStory()


@pytest.fixture
def browser(story: WebStory) -> Browser:
    return Browser(story)
