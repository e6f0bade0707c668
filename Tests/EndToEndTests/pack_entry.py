"""Says "ok" where a ZIP file is sound, names each entry once, and holds under a name just the bytes of a file.

    pack_entry.py PACK NAME FILE
"""

import sys
import zipfile

pack, name, path = sys.argv[1:]
with zipfile.ZipFile(pack) as archive, open(path, "rb") as file:
    bad = archive.testzip()
    names = archive.namelist()
    if bad is not None:
        print(f"{bad} is damaged")
    elif len(set(names)) != len(names):
        print("a name stands for two entries")
    elif archive.read(name) != file.read():
        print(f"{name} is not what it should be")
    else:
        print("ok")
