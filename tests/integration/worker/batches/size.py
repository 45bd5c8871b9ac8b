"""The size of a batch and how long it runs, for the project and its tests."""

#: The number of messages in a batch.
SIZE = 3
RUN_S = 0.1
