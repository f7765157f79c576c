# SPDX-License-Identifier: Apache-2.0
"""irsa-emu in Python tests.

With pytest the fixtures come by themselves (:mod:`pytest_irsa_emu.plugin`). :class:`Emulator`
starts one anywhere else, such as in ``setUpClass`` of unittest.
"""

from .emulator import Clock, Emulator
from .errors import IrsaEmuError

__all__ = ["Clock", "Emulator", "IrsaEmuError"]
