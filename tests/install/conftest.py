"""The installations, each made once for all tests."""

import pytest
from installation import install

MADE = {}


@pytest.fixture(scope="session")
def installed(request, tmp_path_factory):
    kind = request.param
    if kind not in MADE:
        MADE[kind] = install(kind, tmp_path_factory.mktemp(kind))
    return MADE[kind]
