"""What the command line, notebooks and the widgets use: Neroman and the runs that it gives."""

from neronet.api.neroman import Neroman
from neronet.api.run import Run
from neronet.api.runset import RunSet

__all__ = ["Neroman", "Run", "RunSet"]
