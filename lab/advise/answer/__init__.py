"""Draws the conclusion from the measurements."""
