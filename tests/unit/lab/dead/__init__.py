"""Tests of dead letters as people read them."""
