"""How a lesson is taught, whichever it is: its shape, its stage, its timeline, its verdict."""
