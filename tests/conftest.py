"""What the rings share: one cluster for the session, made when a test first asks for it."""

pytest_plugins = ["tests.ground"]
