"""What happened in the last hour? Counts and gauges in memory; it knows neither clock nor Redis."""
