"""What the tests of messages share."""

import bocpy
import pytest


@pytest.fixture
def fresh_tags():
    """No tags and no messages, before the test and after it."""
    bocpy.set_tags([])
    yield
    bocpy.set_tags([])
