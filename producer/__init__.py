"""The life of a load: planned, submitted, recorded, accounted for."""
