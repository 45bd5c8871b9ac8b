"""One session: a broker, workers started or borrowed, one clock, and their clean-up."""
