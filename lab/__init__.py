"""What is ASKED: the `poolwise` command, its questions, and the reports that answer them."""
