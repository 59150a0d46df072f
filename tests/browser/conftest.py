"""What tests on the emulator share, for those in which a browser looks at it."""

from tests.azurite.conftest import installation, prepared

__all__ = ["installation", "prepared"]
