"""A folder for a worker's PYTHONPATH: tasks of celery-batches, and a stand-in for the library."""
