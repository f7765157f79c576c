# SPDX-License-Identifier: Apache-2.0
"""The one exception of this package."""


class IrsaEmuError(Exception):
    """What keeps irsa-emu from being of use: what is wrong, and what to do."""
