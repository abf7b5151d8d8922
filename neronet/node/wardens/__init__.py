"""The adapters to what starts jobs on a cluster; `direct` nodes need none."""

from neronet.node.wardens.gridengine import GridEngine
from neronet.node.wardens.slurm import Slurm

WARDENS = {"slurm": Slurm, "gridengine": GridEngine}
