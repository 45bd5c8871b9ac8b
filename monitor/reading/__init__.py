"""Where does it come from? Reads records, queue depths and task events, in threads or the loop."""
