"""Changes the values of a stored Zarr v2 chunk: they change places, the first with the last.

    change_chunk.py ZARRAY CHUNK
"""

import json
import os
import sys

import numcodecs
import numpy

with open(sys.argv[1]) as file:
    metadata = json.load(file)
codec = numcodecs.get_codec(metadata["compressor"]) if metadata["compressor"] else None
with open(sys.argv[2], "rb") as file:
    stored = file.read()
values = numpy.frombuffer(codec.decode(stored) if codec else stored, metadata["dtype"])
changed = numpy.ascontiguousarray(values[::-1])
if (changed == values).all():
    sys.exit("the values are the same either way")
# A new file takes the old one's place, as it would in a store.
with open(sys.argv[2] + ".new", "wb") as file:
    file.write(codec.encode(changed) if codec else changed.tobytes())
os.replace(sys.argv[2] + ".new", sys.argv[2])
