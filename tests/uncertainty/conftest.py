"""What these tests share with those of the engine."""

from tests.engine.conftest import goldens

__all__ = ["goldens"]
