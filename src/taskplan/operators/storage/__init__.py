"""How blobs are stored: databases of keys and values, and what each kind of value consists of there.

`stored_kinds.py` says how values become entries, `entries.py` what reads and writes entries, `database_types.py` which
types of databases there are (`minidb.py`, `lmdb_folder.py`); `loaded_blobs.py` puts the pieces of blobs together again.
"""
