"""A world of the `minutehand` package for one provider: one person, real time, an app served on loopback.

minutehand is imported only when a world is opened: the scripts beside this one are read before it is installed.
"""

import datetime
import pathlib
import sys
import threading

ACCOUNT = "ada@example.com"


class RealTime:
    """minutehand's world lives in simulated time; ours in this one."""

    def now(self):
        return datetime.datetime.now(datetime.UTC)

    def wake(self):
        return 0


def open_world(directory, provider, sign_ins=()):
    """A store with the provider's people in it, and its clock. `sign_ins` are refresh tokens of the one person."""
    from minutehand.adapters.store.sqlite import SqliteStore
    from minutehand.domain.scenario import Person, Scenario, SignIn

    clock = RealTime()
    ada = Person(key="ada", name="Ada", email=ACCOUNT)
    grants = [SignIn(provider=provider.manifest.key, credential=token, person=ada.key) for token in sign_ins]
    scenario = Scenario(name="tandem", people=[ada], owner="ada", starts_at=clock.now(), sign_ins=grants)
    store = SqliteStore(pathlib.Path(directory) / "world.db", "run", clock)
    provider.seed(scenario, store)
    return store, clock


def serve(app, port):
    """Serves an app on loopback, in a thread."""
    import uvicorn

    options = uvicorn.Config(app, port=port, log_level="warning", lifespan="off")
    threading.Thread(target=uvicorn.Server(options).run, daemon=True).start()


def make_room():
    """`minutehand.py` has the package's name: out of the way with it, once all scripts are read."""
    here = str(pathlib.Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if entry != here]
