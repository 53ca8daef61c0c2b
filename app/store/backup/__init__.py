"""Backups of the whole database in one file, which either kind of database can be restored from.

Written here instead of by ``pg_dump``: that refuses a server newer than itself ("aborting because
of server version mismatch"), is not in the image, and SQLite can't read its files.
"""
