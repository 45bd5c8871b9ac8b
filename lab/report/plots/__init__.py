"""Plotly figures of results; they know no HTML."""
