"""A value that was nothing but one environment variable."""

from __future__ import annotations

from typing import Any

import yaml


class Variable(str):
    """Text that becomes what its setting wants: ``4317`` a port, or a password of digits."""

    __slots__ = ()

    def scalar(self) -> Any:
        """Return the number or truth that YAML reads in it, else the text; never structure."""
        try:
            value: object = yaml.safe_load(self)
        except yaml.YAMLError:
            return str(self)
        return value if isinstance(value, bool | int | float) else str(self)
