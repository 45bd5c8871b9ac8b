"""The sub-commands of `poolwise`, one module each: options in, one call, output and exit code."""
