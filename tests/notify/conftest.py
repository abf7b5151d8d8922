from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neronet.engine import notifying
from neronet.engine.holder import Lease
from neronet.engine.loop import Engine
from neronet.spec.files import write_first_files
from neronet.store import Store
from tests.notify.mailserver import MailServer, certificate


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(pem: Path) -> Iterator[MailServer]:
    server = MailServer(pem)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_first_files(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store(home) as store:
        yield store


@pytest.fixture
def start(home: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Engine]]:
    """Starts the engine of the home in this process."""
    monkeypatch.setattr(notifying, "LOOK", 0.05)
    started: list[Engine] = []

    def begin() -> Engine:
        lease = Lease(home)
        assert lease.take("notebook", 5)
        engine = Engine(home, lease)
        engine.start()
        started.append(engine)
        return engine

    yield begin
    for engine in started:
        engine.stop()
