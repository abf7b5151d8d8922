"""The agent's own archive once more, with its modules compiled.

What Python imports from an archive it compiles each time, and keeps nowhere: that is more than half of what it
takes to start a Nerokid.  So the first Neromum of an agent puts a second archive beside the first, for the python
that it runs with.  The sources are in it as well: any other python takes those.
"""

import io
import marshal
import os
import struct
import zipfile
from importlib.util import MAGIC_NUMBER

from neronet.node import procs
from neronet.node.files import write_atomic

UNCHECKED = 1  # in the head of compiled code: it is not compared with what it was made from (PEP 552)


def build(archive):
    """Makes the second archive, for Python 3.7 and later; raises OSError where it cannot be kept."""
    data = io.BytesIO()
    with zipfile.ZipFile(archive) as sources, zipfile.ZipFile(data, "w") as target:
        for name in sources.namelist():
            source = sources.read(name)
            target.writestr(name, source, zipfile.ZIP_DEFLATED)
            code = compile(source, os.path.join(archive, name), "exec", dont_inherit=True)
            head = MAGIC_NUMBER + struct.pack("<LLL", UNCHECKED, 0, 0)
            target.writestr(name + "c", head + marshal.dumps(code))
    write_atomic(procs.compiled(archive), data.getvalue())
