"""Bad messages and bad tasks, sent among the load of a trial."""
