"""The user's database: NERONET_HOME/neronet.db, one SQLite file for one writer and many readers.

`Store` opens it; its attributes (`runs`, `points`, `intents`, ...) hold what can be asked and written.
"""

from neronet.store.home import home_id
from neronet.store.store import Store

__all__ = ["Store", "home_id"]
