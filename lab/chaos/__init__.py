"""Hurts workers, brokers and networks under load, and accounts for every task."""
