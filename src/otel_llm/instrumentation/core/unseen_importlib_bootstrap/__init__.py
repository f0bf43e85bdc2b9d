"""What stands between the user's line and the SDK's while the SDK runs.

An SDK says ``warnings.warn(..., stacklevel=2)`` for its warning to name the line that called it,
and Python decides by that line whether it is shown at all. Warnings, and ``logging``, count no
frame of a file whose path has both ``importlib`` and ``_bootstrap`` in it (CPython 3.11 to 3.13,
``warnings._is_internal_frame``): that is why these files are together and the room has its name.
"""
